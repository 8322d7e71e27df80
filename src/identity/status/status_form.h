/* The forms in which a status list is served: each has a media type, and an anchor of its own on
 * the ledger, since other bytes have another hash. Source: house (docs/formats/identity.md). */
#ifndef CAIRN_IDENTITY_STATUS_FORM_H
#define CAIRN_IDENTITY_STATUS_FORM_H

#include "identity/identity.h"

typedef enum cairn_status_form {
    CAIRN_STATUS_FORM_TOKEN_JWT = 1,
    CAIRN_STATUS_FORM_TOKEN_CWT = 2,
    CAIRN_STATUS_FORM_CREDENTIAL_JWT = 3,
    CAIRN_STATUS_FORM_CREDENTIAL_JSON = 4, /* without a signature: its anchor vouches for it */
    CAIRN_STATUS_FORM_LAST = CAIRN_STATUS_FORM_CREDENTIAL_JSON,
} cairn_status_form;

enum { CAIRN_STATUS_FORMS_MAX = 2 }; /* of one list */

/* "application/statuslist+jwt" and so on. */
const char *cairn_status_form_type(cairn_status_form form);

/* The list that it is a form of. */
cairn_list_format cairn_status_form_format(cairn_status_form form);

/* The forms of a list, the one first that is served to who names none. BITSTRING or TOKEN. */
void cairn_status_forms(cairn_list_format format,
                        cairn_status_form ret_forms[CAIRN_STATUS_FORMS_MAX]);

/* Which form these bytes are in, by their beginning; the type of a JWT is looked at. BAD_VALUE. */
cairn_err cairn_status_form_guess(cairn_bytes in, cairn_status_form *ret_form) CAIRN_MUST_USE;

/* What that form of the list at `uri` is called on the ledger: the URI, '#', and its media type
 * without "application/". */
void cairn_status_form_list_id(cairn_status_form form, cairn_bytes uri, cairn_hash *ret_list);

/* The form that an Accept header asks for, of those of `format`; an empty one takes the first. By
 * quality (RFC 9110 section 12.5.1), then by our order. NOT_FOUND when it takes neither. */
cairn_err cairn_status_form_accept(cairn_list_format format, cairn_bytes accept,
                                   cairn_status_form *ret_form) CAIRN_MUST_USE;

#endif
