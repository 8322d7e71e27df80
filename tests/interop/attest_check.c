/* Appraises what a TPM gave, for the script beside it. Reference values are what the script says
 * that the PCRs should be.
 *
 *   attest-check AK.pem NONCE QUOTE SIGNATURE LOG SELECTION PCRS GOOD RESETS RESTARTS
 *
 * NONCE is 64 hexadecimal digits; SELECTION a bit mask; PCRS and GOOD files with 32 bytes for each
 * selected PCR, shown and expected; the counts are those that were seen before. Prints "holds
 * RESETS RESTARTS", or the check that fails. */
#include <stdio.h>
#include <stdlib.h>

#include "onboard/attest/appraise.h"

enum { ARENA_SIZE = 1 << 20, ARGUMENTS = 11 };

static cairn_arena arena;

static cairn_bytes read_file(const char *name)
{
    static uint8_t data[1 << 16];
    cairn_bytes copy;
    FILE *file = fopen(name, "r");
    if (file == NULL) {
        perror(name);
        exit(2);
    }
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    if (cairn_arena_copy(&arena, cairn_bytes_of(data, size), &copy) != CAIRN_OK)
        exit(2);
    return copy;
}

/* The values of the selected PCRs, in rising order. */
static void spread(const char *name, uint32_t selection, cairn_hash pcrs[CAIRN_TPM_PCRS])
{
    cairn_bytes values = read_file(name);
    size_t at = 0;
    for (size_t pcr = 0; pcr < CAIRN_TPM_PCRS && at + 32 <= values.size; pcr++) {
        if ((selection >> pcr & 1) == 0)
            continue;
        memcpy(pcrs[pcr].b, values.data + at, 32);
        at += 32;
    }
}

static cairn_bytes through_the_wire(const cairn_attestation *evidence)
{
    cairn_bytes encoded;
    if (cairn_attestation_encode(&arena, evidence, &encoded) != CAIRN_OK) {
        fprintf(stderr, "%s\n", cairn_err_detail());
        exit(2);
    }
    return encoded;
}

int main(int argc, char **argv)
{
    cairn_hash good[CAIRN_TPM_PCRS] = {0};
    cairn_reference_values reference = {
        .version = 1, .not_after_ms = 2, .needs_log = true, .model = cairn_bytes_str("tpm")};
    cairn_appraisal_facts facts = {
        .time_ms = 1, .model = reference.model, .reference = &reference, .version_before = 1};
    cairn_attestation evidence = {.kind = CAIRN_ATTESTATION_TPM};
    cairn_appraisal appraisal;
    if (argc != ARGUMENTS)
        return 2;
    cairn_arena_init(&arena, ARENA_SIZE);
    uint32_t selection = (uint32_t)strtoul(argv[6], NULL, 0);
    if (cairn_key_from_pem(read_file(argv[1]), &facts.device) != CAIRN_OK ||
        cairn_hex_decode(argv[2], facts.nonce.b, 32) != CAIRN_OK) {
        fprintf(stderr, "%s\n", cairn_err_detail());
        return 2;
    }
    evidence.attest = read_file(argv[3]);
    evidence.signature = read_file(argv[4]);
    evidence.log = read_file(argv[5]);
    evidence.selection = reference.selection = selection;
    spread(argv[7], selection, evidence.pcrs);
    spread(argv[8], selection, good);
    for (size_t pcr = 0; pcr < CAIRN_TPM_PCRS; pcr++)
        reference.pcrs[pcr] = (cairn_reference_set){.count = 1, .values = &good[pcr]};
    facts.counts.reset_count = (uint32_t)strtoul(argv[9], NULL, 10);
    facts.counts.restart_count = (uint32_t)strtoul(argv[10], NULL, 10);
    if (cairn_attestation_decode(through_the_wire(&evidence), &evidence) != CAIRN_OK)
        return 2;
    cairn_appraise(&arena, &evidence, &facts, &appraisal);
    if (appraisal.err == CAIRN_OK)
        printf("holds %u %u\n", appraisal.counts.reset_count, appraisal.counts.restart_count);
    else
        printf("%s: %s\n", appraisal.check, cairn_err_detail());
    cairn_key_free(facts.device);
    cairn_arena_done(&arena);
    return appraisal.err == CAIRN_OK ? 0 : 1;
}
