/* Which services a device turns to, in the order of its rendezvous directives. Source: FDO 1.1
 * section 3.7. */
#ifndef CAIRN_ONBOARD_PLAN_H
#define CAIRN_ONBOARD_PLAN_H

#include "cairn/fdo_client.h"
#include "onboard/wire/rendezvous.h"

enum { CAIRN_FDO_CLIENT_DELAY_DEFAULT_S = 120 }; /* after the last directive, where it names none */

/* The i-th address of a directive: the name before the IP address, for each protocol that it
 * leaves open https before http. False past the last. */
bool cairn_fdo_client_directive_url(const cairn_fdo_directive *directive, size_t i,
                                    char ret_url[CAIRN_FDO_CLIENT_URL_SIZE]);
/* The i-th address of a to1d. */
bool cairn_fdo_client_to1d_url(const cairn_fdo_to1d *to1d, size_t i,
                               char ret_url[CAIRN_FDO_CLIENT_URL_SIZE]);

/* `delay_s` give or take a quarter, in milliseconds. */
uint64_t cairn_fdo_client_jitter_ms(uint32_t delay_s, uint32_t random);

#endif
