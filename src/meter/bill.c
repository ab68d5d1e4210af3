#include "meter/bill.h"
#include "meter/price.h"

const struct meter_row meters[METER_COUNT] = {
#define METER_ROW(member, unit, basis, meaning) {#member, unit, BASIS_##basis},
    METERS(METER_ROW)
#undef METER_ROW
};

const char *basis_text(enum basis basis)
{
    static const char *const text[] = {
#define BASIS_TEXT(name, word) word,
        BASES(BASIS_TEXT)
#undef BASIS_TEXT
    };

    return text[basis];
}

void bill_init(struct bill *bill)
{
    memset(bill, 0, sizeof *bill);
#define BILL_UNKNOWN(member, unit, basis, meaning) bill->member = -1;
    METERS(BILL_UNKNOWN)
#undef BILL_UNKNOWN
    for (size_t i = 0; i < METER_COUNT; i++)
        bill->basis[i] = meters[i].basis;
}

static int64_t clamp(uint64_t n)
{
    return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static void bill_basis_tokens(struct bill *bill, enum basis basis)
{
    bill->basis[METER_tokens_in] = bill->basis[METER_tokens_out] = basis;
    bill->basis[METER_tokens_cached] = bill->basis[METER_tokens_reasoning] = basis;
}

void bill_usage(struct bill *bill, const struct usage *usage, enum place_kind kind,
                size_t text_in_bytes, size_t text_out_bytes)
{
    bill->tokens_known = usage->known;
    if (usage->known) {
        bill->tokens_in = clamp(usage->input);
        bill->tokens_out = clamp(usage->output);
        bill->tokens_cached = clamp(usage->cached_read);
        bill->tokens_reasoning = clamp(usage->reasoning);
        bill_basis_tokens(bill, kind == PLACE_SKILL || kind == PLACE_ENGINE ? BASIS_MEASURED
                                                                            : BASIS_QUOTED);
        return;
    }
    /* Four bytes a token: what English takes in the common vocabularies, as in traits.c. */
    bill->tokens_in = clamp(text_in_bytes / 4 + (text_in_bytes % 4 != 0));
    bill->tokens_out = clamp(text_out_bytes / 4 + (text_out_bytes % 4 != 0));
    bill->tokens_cached = bill->tokens_reasoning = -1;
    bill_basis_tokens(bill, BASIS_MODELLED);
}

int64_t bill_cost(const struct price *price, const struct usage *usage)
{
    uint64_t read = usage->cached_read, write = usage->cache_write, plain = usage->input;
    int64_t read_price = price->cached_read >= 0 ? price->cached_read : price->input;
    int64_t write_price = price->cache_write >= 0 ? price->cache_write : price->input;
    unsigned __int128 sum;

    if (!price_known(price))
        return -1;
    read = read < plain ? read : plain; /* a place that counts them apart must not underflow this */
    plain -= read;
    write = write < plain ? write : plain;
    plain -= write;
    sum = (unsigned __int128)plain * (uint64_t)price->input +
          (unsigned __int128)read * (uint64_t)read_price +
          (unsigned __int128)write * (uint64_t)write_price +
          (unsigned __int128)usage->output * (uint64_t)price->output;
    sum = (sum + 999999) / 1000000;
    return sum > INT64_MAX ? INT64_MAX : (int64_t)sum;
}

static uint64_t count(int64_t n)
{
    return n < 0 ? 0 : (uint64_t)n;
}

void bill_price(struct bill *bill, const struct price *price, uint64_t cache_write)
{
    struct usage usage = {.input = count(bill->tokens_in),
                          .output = count(bill->tokens_out),
                          .cached_read = count(bill->tokens_cached),
                          .cache_write = cache_write};

    bill->price_date = price->date[0] ? price->date : NULL;
    bill->price_source = price->source;
    bill->cost_uusd = bill->tokens_in < 0 || bill->tokens_out < 0 ? -1 : bill_cost(price, &usage);
    /* A quoted price times guessed counts is a guess. */
    if (!bill->tokens_known && bill->cost_uusd != 0)
        bill->basis[METER_cost_uusd] = BASIS_MODELLED;
}

void bill_energy(struct bill *bill, struct joules joules)
{
    bill->energy_uj = clamp(joules.uj);
    bill->energy_low_uj = clamp(joules.low_uj);
    bill->energy_high_uj = clamp(joules.high_uj);
}

void bill_settle(struct bill *bill, const struct place *place, const struct usage *usage,
                 size_t text_in_bytes, size_t text_out_bytes)
{
    struct energy_load load = {.bytes = count(bill->bytes_out) + count(bill->bytes_in),
                               .busy_us = place->kind == PLACE_CLOUD ? 0 : count(bill->total_us)};

    bill_usage(bill, usage, place->kind, text_in_bytes, text_out_bytes);
    bill_price(bill, &place->price, usage->known ? usage->cache_write : 0);
    load.tokens_in = count(bill->tokens_in);
    load.tokens_out = count(bill->tokens_out);
    load.tokens_cached = count(bill->tokens_cached);
    bill_energy(bill, energy_model(place, &load));
}

void bill_beside(struct bill *bill, const struct place *place, int64_t tokens_in, int64_t cost_uusd,
                 uint64_t bytes)
{
    struct energy_load load = {.bytes = bytes, .tokens_in = count(tokens_in)};
    struct joules joules = energy_model(place, &load);

    bill->cost_uusd = bill->cost_uusd < 0 || cost_uusd < 0 ? -1 : bill->cost_uusd + cost_uusd;
    if (cost_uusd != 0)
        bill->basis[METER_cost_uusd] = BASIS_MODELLED;
    bill->energy_uj += clamp(joules.uj);
    bill->energy_low_uj += clamp(joules.low_uj);
    bill->energy_high_uj += clamp(joules.high_uj);
}

static void put_words(struct buf *out, const char *key, struct slice s)
{
    if (s.p)
        json_put_str(out, key, s);
    else
        json_put_null(out, key);
}

static void put_figure(struct buf *out, const char *key, int64_t n)
{
    if (n >= 0)
        json_put_int(out, key, n);
    else
        json_put_null(out, key);
}

static void put_plan(struct buf *out, struct slice plan)
{
    if (!plan.p) {
        json_put_null(out, "plan");
        return;
    }
    json_key(out, "plan");
    buf_add_str(out, plan);
}

static void put_steps(struct buf *out, const struct bill *bill)
{
    json_key(out, "steps");
    buf_add_char(out, '{');
    for (unsigned i = 0; i < STEP_COUNT; i++)
        json_put_int(out, walk_step_text(i), bill->step_us[i]);
    buf_add_char(out, '}');
}

/* The members that both forms share, in the store's order. */
static void put_head(struct buf *out, const struct bill *bill)
{
    json_put_cstr(out, "id", bill->id);
    json_put_int(out, "started", clamp(bill->started_us));
    json_put_cstr(out, "api", bill->api);
    json_put_cstr(out, "place", bill->place);
    json_put_cstr(out, "zone", bill->zone);
    json_put_cstr(out, "label", bill->label);
    json_put_cstr(out, "label_source", bill->label_source);
    put_words(out, "model_asked", bill->model_asked);
    json_put_cstr(out, "status", bill->status);
    json_put_int(out, "http_status", bill->http_status);
    json_put_cstr(out, "reason", bill->reason);
    put_plan(out, bill->plan);
}

static void put_tail(struct buf *out, const struct bill *bill)
{
    put_words(out, "session", bill->session);
    json_put_cstr(out, "key_name", bill->key_name);
    put_steps(out, bill);
}

/* A figure's constant text, joined by the compiler: this is written for every turn. */
static const struct {
    const char *head, *unit;
} figure_text[METER_COUNT] = {
#define METER_TEXT(member, unit, basis, meaning)                                                   \
    {"\"" #member "\":{\"value\":", ",\"unit\":\"" unit "\",\"basis\":\""},
    METERS(METER_TEXT)
#undef METER_TEXT
};

static void put_meter(struct buf *out, enum meter meter, int64_t value, enum basis basis)
{
    json_sep(out);
    buf_add_cstr(out, figure_text[meter].head);
    if (value >= 0)
        buf_add_u64(out, (uint64_t)value);
    else
        buf_add_cstr(out, "null");
    buf_add_cstr(out, figure_text[meter].unit);
    buf_add_cstr(out, basis_text(basis));
    buf_add_cstr(out, "\"}");
}

void bill_json(const struct bill *bill, struct buf *out)
{
    static const size_t offset[] = {
#define METER_OFFSET(member, unit, basis, meaning) offsetof(struct bill, member),
        METERS(METER_OFFSET)
#undef METER_OFFSET
    };

    buf_add_char(out, '{');
    json_put_cstr(out, "id", bill->id);
    json_put_cstr(out, "place", bill->place);
    json_put_cstr(out, "zone", bill->zone);
    json_put_cstr(out, "label", bill->label);
    json_put_cstr(out, "reason", bill->reason);
    json_put_cstr(out, "price_date", bill->price_date);
    json_put_cstr(out, "price_source", bill->price_source);
    json_key(out, "figures");
    buf_add_char(out, '{');
    for (size_t i = 0; i < METER_COUNT; i++)
        put_meter(out, (enum meter)i, *(const int64_t *)((const char *)bill + offset[i]),
                  bill->basis[i]);
    buf_add_cstr(out, "}}");
}

/* Token counts and cost have a basis that differs from turn to turn (bill_usage, bill_beside). */
static enum basis row_basis(enum meter meter, yyjson_val *row)
{
    if (meter == METER_cost_uusd && json_get(json_get(row, "plan"), "hedge"))
        return BASIS_MODELLED;
    if (meter > METER_tokens_reasoning)
        return meters[meter].basis;
    if (!json_get_bool(row, "tokens_known", false))
        return BASIS_MODELLED;
    return slice_is(json_get_str(row, "zone"), "device") ? BASIS_MEASURED : BASIS_QUOTED;
}

void bill_figures(yyjson_val *row, struct buf *out)
{
    json_key(out, "figures");
    buf_add_char(out, '{');
    for (size_t i = 0; i < METER_COUNT; i++)
        put_meter(out, (enum meter)i, json_get_int(row, meters[i].name, -1),
                  row_basis((enum meter)i, row));
    buf_add_char(out, '}');
}

/* One member per column of the store's table of bills; store/schema.c binds them by name. */
void bill_record(const struct bill *bill, struct buf *out)
{
    buf_add_char(out, '{');
    put_head(out, bill);
    put_figure(out, "tokens_in", bill->tokens_in);
    put_figure(out, "tokens_out", bill->tokens_out);
    put_figure(out, "tokens_cached", bill->tokens_cached);
    put_figure(out, "tokens_reasoning", bill->tokens_reasoning);
    json_put_bool(out, "tokens_known", bill->tokens_known);
    put_figure(out, "first_us", bill->first_us);
    put_figure(out, "total_us", bill->total_us);
    put_figure(out, "bytes_out", bill->bytes_out);
    put_figure(out, "bytes_in", bill->bytes_in);
    put_figure(out, "cost_uusd", bill->cost_uusd);
    json_put_cstr(out, "price_date", bill->price_date);
    json_put_cstr(out, "price_source", bill->price_source);
    put_figure(out, "energy_uj", bill->energy_uj);
    put_figure(out, "energy_low_uj", bill->energy_low_uj);
    put_figure(out, "energy_high_uj", bill->energy_high_uj);
    put_tail(out, bill);
    put_figure(out, "hops", bill->hops);
    if (bill->segments.p) {
        json_key(out, "segments");
        buf_add_str(out, bill->segments);
    }
    buf_add_char(out, '}');
}
