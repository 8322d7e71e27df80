/* A table by the token's hash; a new one takes the place of whatever lies there. */
#include "node/auth/auth_tokens.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct place {
    cairn_hash token;
    cairn_token_facts facts; /* until_ms 0: nothing is here */
} place;

struct cairn_tokens {
    pthread_mutex_t lock; /* guards the places */
    place places[CAIRN_TOKENS_MAX];
};

cairn_err cairn_tokens_new(cairn_tokens **ret_tokens)
{
    cairn_tokens *tokens = calloc(1, sizeof *tokens); /* pages are used when they are touched */
    if (tokens == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "tokens: %zu bytes", sizeof *tokens);
    (void)pthread_mutex_init(&tokens->lock, NULL);
    *ret_tokens = tokens;
    return CAIRN_OK;
}

void cairn_tokens_free(cairn_tokens *tokens)
{
    if (tokens == NULL)
        return;
    (void)pthread_mutex_destroy(&tokens->lock);
    free(tokens);
}

static place *place_of(cairn_tokens *tokens, const cairn_hash *token)
{
    return &tokens->places[cairn_get_u32(token->b) % CAIRN_TOKENS_MAX];
}

bool cairn_tokens_recall(cairn_tokens *tokens, const cairn_hash *token, uint64_t now_ms,
                         cairn_token_facts *ret_facts)
{
    (void)pthread_mutex_lock(&tokens->lock);
    const place *p = place_of(tokens, token);
    bool found = cairn_hash_equal(&p->token, token) && now_ms < p->facts.until_ms &&
                 now_ms >= p->facts.checked_ms;
    if (found)
        *ret_facts = p->facts;
    (void)pthread_mutex_unlock(&tokens->lock);
    return found;
}

void cairn_tokens_remember(cairn_tokens *tokens, const cairn_hash *token,
                           const cairn_token_facts *facts)
{
    (void)pthread_mutex_lock(&tokens->lock);
    *place_of(tokens, token) = (place){.token = *token, .facts = *facts};
    (void)pthread_mutex_unlock(&tokens->lock);
}
