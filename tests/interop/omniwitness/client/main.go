// The other side of a witness, made of public packages alone:
//
//	client key NAME                     makes a note key: private text, then public text
//	client update URL OLD LOG VKEY      asks the witness to cosign the checkpoint of the static log in
//	                                    LOG, with the consistency proof from size OLD, and verifies
//	                                    the cosignature by VKEY
//
// update prints what became of it in one line.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	client "github.com/transparency-dev/witness/client/http"
	"github.com/transparency-dev/witness/witness"
	"golang.org/x/mod/sumdb/note"
)

func makeKey(name string) error {
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return err
	}
	cosigning, err := fnote.VKeyToCosignatureV1(public)
	fmt.Printf("%s\n%s\n", private, cosigning)
	return err
}

// leaves reads the leaf hashes of a log of fewer than 256,000 entries from its tiles of level 0.
func leaves(dir string, size uint64) ([][]byte, error) {
	list := [][]byte{}
	for tile := uint64(0); tile*256 < size; tile++ {
		name := fmt.Sprintf("tile/0/%03d", tile)
		if size-tile*256 < 256 {
			name += fmt.Sprintf(".p/%d", size-tile*256)
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		for at := 0; at < len(data); at += 32 {
			list = append(list, data[at:at+32])
		}
	}
	return list, nil
}

func node(leafHashes [][]byte, id compact.NodeID) []byte {
	if id.Level == 0 {
		return leafHashes[id.Index]
	}
	left := compact.NewNodeID(id.Level-1, id.Index*2)
	right := compact.NewNodeID(id.Level-1, id.Index*2+1)
	return rfc6962.DefaultHasher.HashChildren(node(leafHashes, left), node(leafHashes, right))
}

func consistency(dir string, oldSize, size uint64) ([][]byte, error) {
	if oldSize == 0 || oldSize >= size {
		return nil, nil
	}
	leafHashes, err := leaves(dir, size)
	if err != nil {
		return nil, err
	}
	nodes, err := proof.Consistency(oldSize, size)
	if err != nil {
		return nil, err
	}
	hashes := [][]byte{}
	for _, id := range nodes.IDs {
		hashes = append(hashes, node(leafHashes, id))
	}
	return nodes.Rehash(hashes, rfc6962.DefaultHasher.HashChildren)
}

// words says what an answer of the witness means.
func words(err error, size uint64) string {
	meanings := []struct {
		is   error
		text string
	}{
		{witness.ErrCheckpointStale, fmt.Sprintf("stale: the witness is at %d", size)},
		{witness.ErrRootMismatch, "another root"},
		{witness.ErrUnknownLog, "unknown log"},
		{witness.ErrNoValidSignature, "no valid signature"},
		{witness.ErrOldSizeInvalid, "bad request"},
		{witness.ErrInvalidProof, "invalid proof"},
	}
	for _, meaning := range meanings {
		if errors.Is(err, meaning.is) {
			return meaning.text
		}
	}
	return err.Error()
}

func update(address, old, dir, vkey string) error {
	where, err := url.Parse(address)
	if err != nil {
		return err
	}
	oldSize, err := strconv.ParseUint(old, 10, 64)
	if err != nil {
		return err
	}
	checkpoint, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	var head log.Checkpoint
	if _, err := head.Unmarshal(checkpoint); err != nil {
		return err
	}
	hashes, err := consistency(dir, oldSize, head.Size)
	if err != nil {
		return err
	}
	context, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	lines, size, err := client.NewWitness(where, http.DefaultClient).Update(context, oldSize, checkpoint, hashes)
	if err != nil {
		fmt.Println(words(err, size))
		return nil
	}
	verifier, err := fnote.NewVerifierForCosignatureV1(vkey)
	if err != nil {
		return err
	}
	signed, err := note.Open(append(checkpoint, lines...), note.VerifierList(verifier))
	if err != nil {
		return err
	}
	at, err := fnote.CoSigV1Timestamp(signed.Sigs[0])
	if err != nil {
		return err
	}
	if age := time.Since(at); age < -time.Minute || age > time.Minute {
		return fmt.Errorf("cosigned at %s", at)
	}
	fmt.Println("cosigned", strings.Count(string(lines), "\n"), "line at size", head.Size)
	return nil
}

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "key":
		err = makeKey(os.Args[2])
	case len(os.Args) == 6 && os.Args[1] == "update":
		err = update(os.Args[2], os.Args[3], os.Args[4], os.Args[5])
	default:
		err = errors.New("client key NAME, or client update URL OLD LOG VKEY")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
