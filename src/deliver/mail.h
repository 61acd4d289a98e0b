/* Mail out: one plain text message to one address over SMTP (libcurl).
 *
 * Texts are UTF-8; the body goes as base64, the subject as encoded words (RFC 2047), so that any
 * server takes them. Certificates are checked. Addresses must pass kn_mail_address: nothing in them
 * can become a header or a command. Blocks for at most timeout_s: for a thread that may wait.
 * Source of the format: RFC 5321, RFC 5322, RFC 2045.
 */
#ifndef KN_DELIVER_MAIL_H
#define KN_DELIVER_MAIL_H

#include "base/buf.h"

enum kn_mail_tls {
    KN_MAIL_TLS_NONE,     /* plain, for a server on this machine */
    KN_MAIL_TLS_STARTTLS, /* begins plain and must change over (port 587) */
    KN_MAIL_TLS_FULL,     /* from the first byte (port 465) */
};

struct kn_mail_server {
    const char *host;
    uint16_t port;
    enum kn_mail_tls tls;
    const char *user, *password; /* empty: without signing in */
    const char *from;            /* address of the sender */
};

struct kn_mail {
    struct kn_str to, subject, text;
    struct kn_str id; /* unique, letters and digits: the Message-ID, the same for every try */
    int64_t at_us;    /* the header Date */
};

/* something@somewhere of printable ASCII without blanks, quotes and brackets, at most 254 bytes. */
bool kn_mail_address(struct kn_str text);
/* A host name or address as it may stand in the URL of the server. */
bool kn_mail_host(struct kn_str text);
/* The message as it goes over the line. Exposed for its test. */
void kn_mail_compose(const struct kn_mail_server *server, const struct kn_mail *mail,
                     struct kn_buf *out);
/* err says what the server or the connection said. *ret_permanent: trying again would not help.
 * @errors KN_E_IO it was not taken; KN_E_INVALID an address; KN_E_NOMEM */
enum kn_rc kn_mail_send(const struct kn_mail_server *server, const struct kn_mail *mail,
                        unsigned timeout_s, bool *ret_permanent, struct kn_err *err) KN_MUST_USE;

#endif
