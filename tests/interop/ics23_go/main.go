// Checks state proofs of Cairn (docs/formats/receipt.md) with the reference implementation of ICS-23:
//
//	ics23_go FILE.present... FILE.absent...
//
// Each must verify under the root in its block entry, and nothing else may: every change of key, value,
// root and proof is refused.
package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	ics23 "github.com/cosmos/ics23/go"
	"github.com/fxamacker/cbor/v2"
)

type stateProof struct {
	_          struct{} `cbor:",toarray"`
	Tag        string
	Map        uint64 // 0 state, 1 config
	Key        []byte
	Value      []byte // nil: absence
	Proof      []byte
	BlockEntry []byte
	Receipts   [][]byte
}

type blockEntry struct {
	_                                  struct{} `cbor:",toarray"`
	Tag                                string
	Height, TimeMs, First, Count       uint64
	StateRoot, ConfigRoot, ResultsRoot []byte
}

// A claim is what a proof is asked to show.
type claim struct {
	root, key, value []byte
	proof            *ics23.CommitmentProof
}

func decode(encoded []byte) (*ics23.CommitmentProof, error) {
	proof := new(ics23.CommitmentProof)
	if err := proof.Unmarshal(encoded); err != nil {
		return nil, err
	}
	if n := proof.GetCompressed(); n != nil && len(n.Entries) != 1 {
		return nil, fmt.Errorf("%d entries", len(n.Entries))
	}
	return proof, nil
}

func (c claim) holds() bool {
	if c.value == nil {
		return ics23.VerifyNonMembership(ics23.SmtSpec, c.root, c.proof, c.key)
	}
	return ics23.VerifyMembership(ics23.SmtSpec, c.root, c.proof, c.key, c.value)
}

func read(path string) (claim, error) {
	var p stateProof
	var b blockEntry
	data, err := os.ReadFile(path)
	if err != nil {
		return claim{}, err
	}
	if err := cbor.Unmarshal(data, &p); err != nil {
		return claim{}, fmt.Errorf("%s: %w", path, err)
	}
	if err := cbor.Unmarshal(p.BlockEntry, &b); err != nil {
		return claim{}, fmt.Errorf("%s: block entry: %w", path, err)
	}
	if p.Tag != "cairn/state-proof/1" || b.Tag != "cairn/block/1" {
		return claim{}, fmt.Errorf("%s: tags %q and %q", path, p.Tag, b.Tag)
	}
	proof, err := decode(p.Proof)
	if err != nil {
		return claim{}, fmt.Errorf("%s: ICS-23: %w", path, err)
	}
	root := b.StateRoot
	if p.Map == 1 {
		root = b.ConfigRoot
	}
	return claim{root: root, key: p.Key, value: p.Value, proof: proof}, nil
}

func flipped(data []byte, bit int) []byte {
	changed := bytes.Clone(data)
	changed[bit/8] ^= 1 << (bit % 8)
	return changed
}

// The parts of an existence proof that its root depends on.
func parts(e *ics23.ExistenceProof) []*[]byte {
	list := []*[]byte{&e.Key, &e.Value, &e.Leaf.Prefix}
	for _, op := range e.Path {
		list = append(list, &op.Prefix, &op.Suffix)
	}
	return list
}

// nonexistence is what an absence proof holds once its steps, which both neighbours share, are written
// out; nil for an existence proof.
func nonexistence(p *ics23.CommitmentProof) *ics23.NonExistenceProof {
	if batch := p.GetBatch(); batch != nil {
		return batch.Entries[0].GetNonexist()
	}
	return p.GetNonexist()
}

func existences(p *ics23.CommitmentProof) []*ics23.ExistenceProof {
	list := []*ics23.ExistenceProof{}
	if n := nonexistence(p); n != nil {
		list = append(list, n.Left, n.Right)
	} else {
		list = append(list, p.GetExist())
	}
	return slices.DeleteFunc(list, func(e *ics23.ExistenceProof) bool { return e == nil })
}

// refusals tries false claims and returns how many there were and which of them hold all the same.
func refusals(c claim) (tried int, wrong []string) {
	try := func(what string, lie claim) {
		tried++
		if lie.holds() {
			wrong = append(wrong, what)
		}
	}
	for bit := range len(c.root) * 8 {
		try(fmt.Sprintf("root bit %d", bit), claim{flipped(c.root, bit), c.key, c.value, c.proof})
	}
	for bit := range len(c.value) * 8 {
		try(fmt.Sprintf("value bit %d", bit), claim{c.root, c.key, flipped(c.value, bit), c.proof})
	}
	if c.value != nil { // an absence proof may well show another absence
		for bit := range len(c.key) * 8 {
			try(fmt.Sprintf("key bit %d", bit), claim{c.root, flipped(c.key, bit), c.value, c.proof})
		}
		try("absence of what is there", claim{c.root, c.key, nil, c.proof})
	} else {
		try("presence of what is absent", claim{c.root, c.key, []byte{0xa0}, c.proof})
		for _, e := range existences(ics23.Decompress(c.proof)) {
			try("absence of a neighbour", claim{c.root, e.Key, nil, c.proof})
		}
	}
	// From here on the proof itself, written out, is changed and put right again.
	c.proof = ics23.Decompress(c.proof)
	if len(existences(c.proof)) == 0 {
		return tried, []string{"proof of nothing"}
	}
	for i, e := range existences(c.proof) {
		for j, part := range parts(e) {
			whole := *part
			for bit := range len(whole) * 8 {
				*part = flipped(whole, bit)
				try(fmt.Sprintf("proof %d part %d bit %d", i, j, bit), c)
			}
			if len(whole) > 0 {
				*part = whole[:len(whole)-1]
				try(fmt.Sprintf("proof %d part %d cut", i, j), c)
			}
			*part = whole
		}
		path := e.Path
		for j := range path {
			e.Path = append(append([]*ics23.InnerOp{}, path[:j]...), path[j+1:]...)
			try(fmt.Sprintf("proof %d without step %d", i, j), c)
			e.Path = append(append([]*ics23.InnerOp{}, path[:j+1]...), path[j:]...)
			try(fmt.Sprintf("proof %d with step %d twice", i, j), c)
		}
		e.Path = path
	}
	if n := nonexistence(c.proof); n != nil && n.Left != nil && n.Right != nil {
		left, right := n.Left, n.Right
		n.Left = nil
		try("absence without its left neighbour", c)
		n.Left, n.Right = left, nil
		try("absence without its right neighbour", c)
		n.Left, n.Right = right, left
		try("absence with its neighbours exchanged", c)
	}
	return tried, wrong
}

func main() {
	present, absent, lies, failed := 0, 0, 0, 0
	for _, path := range os.Args[1:] {
		c, err := read(path)
		switch {
		case err != nil:
			fmt.Println(err)
			failed++
			continue
		case (c.value != nil) != strings.HasSuffix(path, ".present"):
			fmt.Println(path, "claims the opposite of its name")
			failed++
		case !c.holds():
			fmt.Println(path, "is refused")
			failed++
		}
		if c.value != nil {
			present++
		} else {
			absent++
		}
		tried, wrong := refusals(c)
		lies += tried
		failed += len(wrong)
		for _, what := range wrong {
			fmt.Println(path, "verifies with a false", what)
		}
	}
	fmt.Printf("%d present, %d absent, %d false claims, %d failures\n", present, absent, lies, failed)
	if failed != 0 || present == 0 || absent == 0 {
		os.Exit(1)
	}
}
