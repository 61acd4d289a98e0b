/* The texts of mails. Constants. */
#ifndef KN_API_MAIL_TEXT_H
#define KN_API_MAIL_TEXT_H

#include <stdbool.h>

enum kn_mail_letter { KN_LETTER_INVITE, KN_LETTER_RESET, KN_LETTER_TEST };

struct kn_mail_text {
    const char *subject, *text; /* UTF-8; "%s" in the text stands for the link */
};
const struct kn_mail_text *kn_mail_text(enum kn_mail_letter letter, bool dutch);

#endif
