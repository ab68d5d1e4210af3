#include "base/clock.h"
#include "base/rand.h"
#include "base/tap.h"

TEST(rand_seed_repeats)
{
    /* splitmix64 from seed 1234567, as its reference implementation prints it. */
    static const uint64_t want[] = {6457827717110365317u, 3203168211198807973u,
                                    9817491932198370423u};

    for (int round = 0; round < 2; round++) {
        rand_seed(1234567);
        for (size_t i = 0; i < sizeof want / sizeof *want; i++)
            CHECK(rand_u64() == want[i]);
    }
    rand_real();
}

TEST(rand_kernel_differs)
{
    uint64_t seen[256];

    for (size_t i = 0; i < 256; i++) {
        seen[i] = rand_u64();
        for (size_t k = 0; k < i; k++)
            CHECK(seen[k] != seen[i]); /* by chance once in 10^15 runs */
    }
}

TEST(rand_bytes_fills_all)
{
    static const size_t lens[] = {1, 7, 8, 9, 127, 128, 129, 255, 256, 257, 5000};

    for (int real = 0; real < 2; real++)
        for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
            unsigned char a[5001] = {0}, b[5001] = {0};
            if (real)
                rand_real();
            else
                rand_seed(i);
            for (int k = 0; k < 64; k++) { /* every byte is hit by one of 64 draws, or 2^-256 */
                rand_bytes(a, lens[i]);
                for (size_t n = 0; n < lens[i]; n++)
                    b[n] |= a[n];
            }
            for (size_t n = 0; n < lens[i]; n++)
                CHECK(b[n] != 0);
            CHECK_EQ(b[lens[i]], 0);
        }
    rand_real();
}

TEST(rand_unit_is_below_one)
{
    double sum = 0;

    rand_seed(3);
    for (int i = 0; i < 10000; i++) {
        double u = rand_unit();
        CHECK(u >= 0 && u < 1);
        sum += u;
    }
    CHECK(sum > 4900 && sum < 5100); /* from a fixed seed, so never by bad luck */
    rand_real();
}

TEST(rand_id_sorts_by_time)
{
    char a[ID_BYTES], b[ID_BYTES];

    clock_drive(0, 1469918176385000); /* the time in the ULID specification's own example */
    id_new(a);
    CHECK_EQ(strlen(a), 26);
    CHECK_EQ(strncmp(a, "01ARYZ6S41", 10), 0);
    CHECK_EQ(strspn(a, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
    for (int i = 0; i < 1000; i++) {
        clock_advance_us(1000);
        id_new(b);
        CHECK(strcmp(a, b) < 0);
        memcpy(a, b, sizeof a);
    }
    clock_real();
}

TEST(rand_id_is_seeded)
{
    char a[ID_BYTES], b[ID_BYTES];

    clock_drive(0, 5);
    rand_seed(9);
    id_new(a);
    rand_seed(9);
    id_new(b);
    CHECK_STR(a, b);
    id_new(b);
    CHECK(strcmp(a, b) != 0);
    rand_real();
    clock_real();
}
