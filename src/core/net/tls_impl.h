/* TLS inside the house: what the handshake and the client need of it. */
#ifndef CAIRN_CORE_NET_TLS_IMPL_H
#define CAIRN_CORE_NET_TLS_IMPL_H

#include <openssl/ssl.h>

#include "core/net/tls.h"

/* An EVP_PKEY whose private part is at the signer, which outlives it. Errors as in tls.h. */
cairn_err cairn_tls_key_new(cairn_signer *signer, const char *name,
                            EVP_PKEY **ret_pkey) CAIRN_MUST_USE;

/* True while the handshake of `ssl` waits for a signature; `ret_fd` becomes readable when it is
 * there. */
bool cairn_tls_signature_pending(SSL *ssl, int *ret_fd);

/* Gives the signature up; the next SSL_do_handshake then fails. A handshake that waits must be
 * brought to its end this way before its SSL is freed. */
void cairn_tls_signature_cancel(SSL *ssl);

/* Gives a context its chain and key. Errors as in tls.h. */
cairn_err cairn_tls_use_identity(SSL_CTX *ctx, const cairn_tls_identity *identity) CAIRN_MUST_USE;

/* Which clients the context accepts. ARGUMENT, BAD_VALUE, NO_MEMORY. */
cairn_err cairn_tls_use_clients(SSL_CTX *ctx,
                                const cairn_tls_server_options *options) CAIRN_MUST_USE;

/* PEM of 1 to `max` certificates and nothing but white space or comments beside them. BAD_VALUE
 * names `what`. */
cairn_err cairn_tls_read_pem(cairn_bytes pem, int max, const char *what,
                             STACK_OF(X509) * *ret_certificates) CAIRN_MUST_USE;

/* The server's side of a connection on `fd`, which stays the caller's, under the context of now.
 * NO_MEMORY. */
cairn_err cairn_tls_server_accept(cairn_tls_server *tls, int fd, SSL **ret_ssl) CAIRN_MUST_USE;

/* What the handshake told; the certificate is on the heap and freed by cairn_tls_peer_done. */
cairn_err cairn_tls_peer_read(SSL *ssl, cairn_tls_peer *ret_peer) CAIRN_MUST_USE;
void cairn_tls_peer_done(cairn_tls_peer *peer);

#endif
