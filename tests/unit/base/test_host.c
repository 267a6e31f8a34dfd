/* Seats and shares: who sits on the same cores, and how many threads that leaves each. */
#define _GNU_SOURCE /* sched_setaffinity */
#include "base/host.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

static struct vain_seat seat(const char *host, int first_core, int last_core)
{
    struct vain_seat seat;
    memset(&seat, 0, sizeof seat);
    snprintf(seat.host, sizeof seat.host, "%s", host);
    for (int core = first_core; core <= last_core; core++)
        seat.cores[core / 8] |= (uint8_t)(1 << core % 8);
    return seat;
}

/* Unbound ranks of a cpuset of 8 cores share them; bound ones have theirs to themselves; two a
 * socket share the socket; other machines do not count. */
static void who_has_the_same_cores_shares_them(void)
{
    const struct vain_seat seats[] = {
        seat("n1", 8, 15), seat("n1", 8, 15), seat("n1", 8, 15), seat("n2", 8, 15),
        seat("n2", 0, 7),  seat("n3", 0, 3),  seat("n3", 0, 3),  seat("n3", 4, 7),
        seat("n33", 0, 3), seat("n1", 8, 15),
    };
    static const int expected[] = {4, 4, 4, 1, 1, 2, 2, 1, 1, 4};
    const int count = (int)VAIN_COUNT_OF(seats);
    for (int own = 0; own < count; own++)
        CU_ASSERT_EQUAL(vain_seat_sharers(seats, count, own), expected[own]);
    CU_ASSERT_EQUAL(vain_seat_sharers(seats, 1, 0), 1);
}

/* However small the mask is beside the machine: 4 of 8 cores get 2 each, not 8 each. */
static void cores_are_divided_among_sharers(void)
{
    CU_ASSERT_EQUAL(vain_cores_share(8, 1), 8);
    CU_ASSERT_EQUAL(vain_cores_share(8, 4), 2);
    CU_ASSERT_EQUAL(vain_cores_share(8, 3), 2);
    CU_ASSERT_EQUAL(vain_cores_share(8, 8), 1);
    CU_ASSERT_EQUAL(vain_cores_share(2, 1024), 1);
    CU_ASSERT_EQUAL(vain_cores_share(1 << 20, 1), VAIN_THREADS_MAX);
}

static void the_seat_is_this_one(void)
{
    struct vain_seat first, second;
    char name[256] = "";
    memset(&first, 0xaa, sizeof first);
    memset(&second, 0x55, sizeof second);
    CU_ASSERT_EQUAL_FATAL(vain_seat_here(&first), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_seat_here(&second), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(&first, &second, sizeof first), 0);
    CU_ASSERT_EQUAL_FATAL(gethostname(name, sizeof name), 0);
    CU_ASSERT_STRING_EQUAL(first.host, name);
    int cores = 0;
    for (int core = 0; core < 8 * VAIN_SEAT_CORES_BYTES; core++)
        cores += first.cores[core / 8] >> core % 8 & 1;
    CU_ASSERT_EQUAL(cores, vain_cores());
}

static void stay_on_one_core(void)
{
    cpu_set_t cores, one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof cores, &cores) != 0)
        _exit(2);
    for (size_t i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &cores)) {
            CPU_SET(i, &one);
            break;
        }
    }
    if (sched_setaffinity(0, sizeof one, &one) != 0 || vain_cores() != 1)
        _exit(3);
    struct vain_seat here;
    if (vain_seat_here(&here) != VAIN_OK || memcmp(here.cores, &one, sizeof one) != 0)
        _exit(4);
}

static void cores_are_those_of_the_process(void)
{
    CU_ASSERT_TRUE(vain_cores() >= 1);
    CU_ASSERT_TRUE(vain_cores() <= sysconf(_SC_NPROCESSORS_CONF));
    CU_ASSERT_EQUAL(test_exit_code(stay_on_one_core, NULL, 0), 0);
}

static const struct vain_test tests[] = {
    {"who has the same cores of a machine shares them", who_has_the_same_cores_shares_them},
    {"cores are divided among those that share them", cores_are_divided_among_sharers},
    {"the seat is this machine and these cores", the_seat_is_this_one},
    {"cores are those that the process may use", cores_are_those_of_the_process},
    {NULL, NULL},
};
const struct vain_suite vain_suite_host = {"base/host", tests};
