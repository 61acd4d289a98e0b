/* Who is shut down, in which order. The far end of a socket pair sees it. */
#include "server/guests.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cm.h"

enum { COUNT = 4 };

struct pairs {
    struct kn_guests list;
    struct kn_guest guests[COUNT];
    int far[COUNT];
};

static int set_up(void **state)
{
    static struct pairs p;
    p = (struct pairs){0};
    for (size_t i = 0; i < COUNT; i++) {
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        p.guests[i].fd = fds[0];
        p.far[i] = fds[1];
    }
    *state = &p;
    return 0;
}

static int tear_down(void **state)
{
    struct pairs *p = *state;
    for (size_t i = 0; i < COUNT; i++) {
        (void)close(p->far[i]);
        (void)close(p->guests[i].fd);
    }
    return 0;
}

static bool is_shut(const struct pairs *p, size_t i)
{
    char byte;
    ssize_t got = recv(p->far[i], &byte, 1, MSG_PEEK);
    assert_true(got == 0 || (got < 0 && errno == EAGAIN));
    return got == 0;
}

static void test_expiry_takes_the_slow_only(void **state)
{
    struct pairs *p = *state;
    for (size_t i = 0; i < COUNT; i++) {
        kn_guests_await(&p->list, &p->guests[i], i % 2 == 0, 100 + i);
    }
    kn_guests_await(&p->list, &p->guests[0], false, 200); /* its head has come: awaited anew */
    kn_guests_leave(&p->list, &p->guests[1]);             /* worked on */
    kn_guests_leave(&p->list, &p->guests[1]);
    assert_int_equal(kn_guests_expire(&p->list, 102), 0);
    assert_int_equal(kn_guests_expire(&p->list, 103), 1);
    assert_int_equal(kn_guests_expire(&p->list, 200), 1);
    assert_int_equal(kn_guests_expire(&p->list, 200), 0);
    assert_false(is_shut(p, 0));
    assert_false(is_shut(p, 1));
    assert_true(is_shut(p, 2));
    assert_true(is_shut(p, 3));
    assert_ptr_equal(p->list.oldest, &p->guests[0]);
    assert_ptr_equal(p->list.newest, &p->guests[0]);
}

static void test_room_is_made_by_the_idle_first(void **state)
{
    struct pairs *p = *state;
    kn_guests_await(&p->list, &p->guests[0], false, 1);
    kn_guests_await(&p->list, &p->guests[1], true, 2);
    kn_guests_await(&p->list, &p->guests[2], true, 3);
    assert_true(kn_guests_evict(&p->list));
    assert_true(is_shut(p, 1));
    assert_true(kn_guests_evict(&p->list));
    assert_true(is_shut(p, 2));
    assert_false(is_shut(p, 0));
    assert_true(kn_guests_evict(&p->list)); /* nobody is idle */
    assert_true(is_shut(p, 0));
    assert_false(kn_guests_evict(&p->list));
    assert_false(is_shut(p, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_expiry_takes_the_slow_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_room_is_made_by_the_idle_first, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
