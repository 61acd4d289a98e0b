/* Roles and permissions: what each is called, and what a role may. */
#include "api/system.h"

static const char *const role_names[] = {"none",      "analyst", "marketer",
                                         "developer", "admin",   "owner"};

static const char *const permission_names[KN_PERMISSION_COUNT] = {"read",    "personal", "segments",
                                                                  "sources", "export",   "admin"};

static const unsigned role_permissions[] = {
    [KN_ROLE_NONE] = 0,
    [KN_ROLE_ANALYST] = KN_MAY_READ,
    [KN_ROLE_MARKETER] = KN_MAY_READ | KN_MAY_SEE | KN_MAY_SEGMENT,
    [KN_ROLE_DEVELOPER] = KN_MAY_READ | KN_MAY_SOURCE,
    [KN_ROLE_ADMIN] = KN_MAY_READ | KN_MAY_SEE | KN_MAY_SEGMENT | KN_MAY_SOURCE | KN_MAY_ADMIN,
    [KN_ROLE_OWNER] = KN_MAY_READ | KN_MAY_SEE | KN_MAY_SEGMENT | KN_MAY_SOURCE | KN_MAY_ADMIN,
};

const char *kn_role_name(enum kn_role role)
{
    return role_names[role];
}

enum kn_role kn_role_parse(struct kn_str name)
{
    for (unsigned i = KN_ROLE_ANALYST; i <= KN_ROLE_OWNER; i++) {
        if (kn_str_eq(name, kn_str_c(role_names[i]))) {
            return (enum kn_role)i;
        }
    }
    return KN_ROLE_NONE;
}

unsigned kn_role_permissions(enum kn_role role)
{
    return role_permissions[role];
}

const char *kn_permission_name(unsigned index)
{
    return permission_names[index];
}

unsigned kn_permission_parse(struct kn_str name)
{
    for (unsigned i = 0; i < KN_PERMISSION_COUNT; i++) {
        if (kn_str_eq(name, kn_str_c(permission_names[i]))) {
            return 1U << i;
        }
    }
    return 0;
}

unsigned kn_permissions_close(unsigned permissions)
{
    return permissions | (permissions ? KN_MAY_READ : 0U) |
           (permissions & (KN_MAY_EXPORT | KN_MAY_SEGMENT) ? KN_MAY_SEE : 0U);
}

enum kn_role kn_role_of(unsigned permissions)
{
    unsigned wanted = permissions & ~(unsigned)KN_MAY_EXPORT;
    for (unsigned i = KN_ROLE_ANALYST; i <= KN_ROLE_ADMIN; i++) {
        if ((role_permissions[i] & wanted) == wanted) {
            return (enum kn_role)i;
        }
    }
    return KN_ROLE_ADMIN;
}
