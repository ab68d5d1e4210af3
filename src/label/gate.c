/* See gate.h for the invariants.  A clearance copies the names of its destination, so that it still
 * refers to what was judged if the place changes under it. */
#include "label/gate.h"
#include "base/rand.h"
#include <stdio.h>
#include <stdlib.h>

struct gate {
    struct ledger *ledger;
    const struct zones *zones;
    unsigned generation; /* of the zones */
};

struct clearance {
    struct gate *gate;
    unsigned generation;
    char turn[ID_BYTES];
    struct label label;
    unsigned zone;
    char place[DEST_PLACE_BYTES], address[DEST_ADDRESS_BYTES];
    struct slice body;
    uint64_t masked;
    enum { PASS_MADE, PASS_SPENT, PASS_SETTLED } state;
    uint64_t row; /* of the ledger; 0: none, it stays on the device */
};

enum nigh_status gate_new(struct gate **ret, struct ledger *ledger, const struct zones *zones,
                          struct nigh_err *err)
{
    struct gate *g = calloc(1, sizeof *g);

    if (!g)
        return nigh_fail(err, NIGH_NOMEM, "gate: out of memory");
    *g = (struct gate){.ledger = ledger, .zones = zones};
    *ret = g;
    return NIGH_OK;
}

struct gate *gate_free(struct gate *g)
{
    free(g);
    return NULL;
}

void gate_zones(struct gate *g, const struct zones *zones)
{
    g->zones = zones;
    g->generation++;
}

static enum nigh_status judge(const struct gate *g, struct label data, const struct dest *to,
                              struct nigh_err *err)
{
    char label[LABEL_TEXT_BYTES];

    if (strlen(to->place) >= DEST_PLACE_BYTES || strlen(to->address) >= DEST_ADDRESS_BYTES)
        return nigh_fail(err, NIGH_TOOBIG, "gate: the name or address of a place is too long");
    if (to->zone >= g->zones->n)
        return nigh_fail(err, NIGH_DENIED, "%s is in no zone of the config", to->place);
    if (label_permits(data, to->zone))
        return NIGH_OK;
    label_text(label, g->zones, data);
    return nigh_fail(err, NIGH_DENIED, "label %s does not permit %s, which is in zone %s", label,
                     to->place, g->zones->name[to->zone]);
}

static void tell_denied(const struct gate *g, const char *turn, struct label data,
                        const struct dest *to, const struct nigh_err *why)
{
    struct ledger_entry entry = {
        .turn = turn, .place = to->place, .address = to->address, .zone = to->zone, .label = data};

    if (g->ledger)
        ledger_denied(g->ledger, &entry, why->what);
}

enum nigh_status gate_clear(struct gate *g, struct clearance **ret_pass, const char *turn,
                            struct label data, const struct dest *to, struct slice body,
                            struct nigh_err *err)
{
    struct nigh_err why = {0};
    enum nigh_status status = judge(g, data, to, &why);
    struct clearance *pass;

    if (status == NIGH_DENIED)
        tell_denied(g, turn, data, to, &why);
    if (status != NIGH_OK)
        return nigh_fail(err, status, "%s", why.what);
    pass = calloc(1, sizeof *pass);
    if (!pass)
        return nigh_fail(err, NIGH_NOMEM, "gate: out of memory");
    *pass = (struct clearance){
        .gate = g, .generation = g->generation, .label = data, .zone = to->zone, .body = body};
    snprintf(pass->turn, sizeof pass->turn, "%s", turn);
    snprintf(pass->place, sizeof pass->place, "%s", to->place); /* judge() saw that they fit */
    snprintf(pass->address, sizeof pass->address, "%s", to->address);
    *ret_pass = pass;
    return NIGH_OK;
}

/* Everything that can be wrong with a clearance, in the one place that looks (gate 1, 2 and 4). */
static enum nigh_status inspect(const struct clearance *pass, const struct dest *to,
                                struct slice body, struct nigh_err *err)
{
    if (!pass)
        return nigh_fail(err, NIGH_DENIED, "no clearance for %s", to->place);
    if (pass->state != PASS_MADE)
        return nigh_fail(err, NIGH_DENIED, "the clearance for %s was spent before", pass->place);
    if (pass->generation != pass->gate->generation)
        return nigh_fail(err, NIGH_DENIED, "the zones changed since %s was cleared", pass->place);
    if (to->zone != pass->zone || strcmp(to->place, pass->place) != 0 ||
        strcmp(to->address, pass->address) != 0)
        return nigh_fail(err, NIGH_DENIED, "a clearance for %s was shown for %s", pass->place,
                         to->place);
    if (body.p != pass->body.p || body.len != pass->body.len)
        return nigh_fail(err, NIGH_DENIED, "other bytes than those cleared for %s", pass->place);
    if (to->zone != ZONE_DEVICE && !pass->gate->ledger)
        return nigh_fail(err, NIGH_DENIED, "no ledger to write %s into", pass->place);
    return NIGH_OK;
}

enum nigh_status clearance_spend(struct clearance *pass, const struct dest *to, struct slice body,
                                 struct nigh_err *err)
{
    enum nigh_status status = inspect(pass, to, body, err);

    if (status != NIGH_OK)
        return status;
    if (pass->zone != ZONE_DEVICE) {
        struct ledger_entry entry = {.turn = pass->turn,
                                     .place = pass->place,
                                     .address = pass->address,
                                     .zone = pass->zone,
                                     .label = pass->label,
                                     .body_bytes = pass->body.len,
                                     .masked = pass->masked};

        status = ledger_open(pass->gate->ledger, &entry, &pass->row, err);
    }
    if (status == NIGH_OK)
        pass->state = PASS_SPENT;
    return status;
}

void clearance_masked(struct clearance *pass, uint64_t values)
{
    pass->masked = values;
}

void clearance_settle(struct clearance *pass, const struct ledger_sent *sent)
{
    if (!pass || pass->state != PASS_SPENT)
        return;
    pass->state = PASS_SETTLED;
    if (pass->row)
        ledger_close(pass->gate->ledger, pass->row, sent);
}

struct clearance *clearance_free(struct clearance *pass)
{
    if (pass) /* nobody knows how far it got */
        clearance_settle(pass, &(struct ledger_sent){.bytes_out = pass->body.len,
                                                     .kernel_out = -1,
                                                     .kernel_in = -1,
                                                     .failure = "abandoned"});
    free(pass);
    return NULL;
}
