#include "server/guests.h"

#include "os/net.h"

void kn_guests_leave(struct kn_guests *list, struct kn_guest *guest)
{
    if (!guest->awaited) {
        return;
    }
    *(guest->older ? &guest->older->newer : &list->oldest) = guest->newer;
    *(guest->newer ? &guest->newer->older : &list->newest) = guest->older;
    guest->older = guest->newer = NULL;
    guest->awaited = false;
}

void kn_guests_await(struct kn_guests *list, struct kn_guest *guest, bool between, uint64_t now_ns)
{
    kn_guests_leave(list, guest);
    guest->since_ns = now_ns;
    guest->between = between;
    guest->awaited = true;
    guest->older = list->newest;
    *(list->newest ? &list->newest->newer : &list->oldest) = guest;
    list->newest = guest;
}

/* The library sees the end of the connection, and closes it. */
static void shut(struct kn_guests *list, struct kn_guest *guest)
{
    kn_guests_leave(list, guest);
    kn_net_shutdown(guest->fd);
}

size_t kn_guests_expire(struct kn_guests *list, uint64_t before_ns)
{
    size_t count = 0;
    while (list->oldest && list->oldest->since_ns < before_ns) {
        shut(list, list->oldest);
        count++;
    }
    return count;
}

bool kn_guests_evict(struct kn_guests *list)
{
    struct kn_guest *guest = list->oldest;
    while (guest && !guest->between) {
        guest = guest->newer;
    }
    guest = guest ? guest : list->oldest;
    if (guest) {
        shut(list, guest);
    }
    return guest != NULL;
}
