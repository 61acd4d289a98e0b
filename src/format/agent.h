/* User agent text to device, browser and platform. Table driven: the first match wins; a few passes
 * over the text, no allocation; the answers are constants. Pure. */
#ifndef KN_FORMAT_AGENT_H
#define KN_FORMAT_AGENT_H

#include "format/item.h"

/* Sets device, browser and platform (country is left alone); present = the text is not empty. */
void kn_agent_parse(struct kn_str user_agent, struct kn_item_device *ret);

#endif
