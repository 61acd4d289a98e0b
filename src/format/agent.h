/* User agent text to device, browser and platform. Table driven: one pass over at most 512 bytes,
 * no allocation; the answers are constants. Pure.
 *
 * device: desktop, mobile, tablet, tv, bot (crawlers, headless browsers, HTTP tools) or other (an
 * SDK's own agent, or nothing known). Since iPadOS 13 Safari on an iPad says it is a Mac, and
 * cannot be told from one. */
#ifndef KN_FORMAT_AGENT_H
#define KN_FORMAT_AGENT_H

#include "format/item.h"

/* Sets device, browser and platform, empty when not known (country is left alone); present = the
 * text is not empty. */
void kn_agent_parse(struct kn_str user_agent, struct kn_item_device *ret);

#endif
