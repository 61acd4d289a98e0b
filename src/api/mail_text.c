/* The texts of mails, Dutch and English. %s is the link. */
#include "api/mail_text.h"

static const struct kn_mail_text texts[2][3] = {
    {{"Your invitation to Kern",
      "You have been invited to Kern, the customer data platform of your organisation.\n\n"
      "Choose a name and a password here; the link is good for 7 days:\n%s\n"},
     {"A new password for Kern",
      "A new password was asked for your account in Kern. Choose one here:\n%s\n\n"
      "The link is good once and not for long. If you did not ask for it, ignore this mail: nothing "
      "has changed.\n"},
     {"Test mail from Kern", "Kern can send mail. Links will begin with %s\n"}},
    {{"Uw uitnodiging voor Kern",
      "U bent uitgenodigd voor Kern, het klantdataplatform van uw organisatie.\n\n"
      "Kies hier een naam en een wachtwoord; de link is 7 dagen geldig:\n%s\n"},
     {"Een nieuw wachtwoord voor Kern",
      "Voor uw account in Kern is een nieuw wachtwoord gevraagd. Kies het hier:\n%s\n\n"
      "De link werkt één keer en niet lang. Vroeg u dit niet zelf, dan hoeft u niets te doen: er is "
      "niets veranderd.\n"},
     {"Testmail van Kern", "Kern kan mail versturen. Links beginnen met %s\n"}}};

const struct kn_mail_text *kn_mail_text(enum kn_mail_letter letter, bool dutch)
{
    return &texts[dutch][letter];
}
