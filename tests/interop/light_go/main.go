// Makes steps of a light client, honest ones and changed ones, and prints each as a line of JSON with the
// verdict of the engine's own light package: what a node's RPC would answer for both heights, and
// "yes", "not enough trust" or "no".
//
//	light SEED COUNT
package main

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/light"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	coretypes "github.com/cometbft/cometbft/rpc/core/types"
	"github.com/cometbft/cometbft/types"
)

const chainID = "cairn-differential"

var r *rand.Rand

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "light_go:", err)
		os.Exit(1)
	}
}

// Its keys are few, so that sets overlap.
var keys [24]ed25519.PrivKey
var keyOf = map[string]ed25519.PrivKey{}

func makeKeys() {
	for i := range keys {
		secret := make([]byte, 32)
		r.Read(secret)
		keys[i] = ed25519.GenPrivKeyFromSecret(secret)
		keyOf[string(keys[i].PubKey().Address())] = keys[i]
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	r.Read(b)
	return b
}

// A step: what is trusted, what comes next, and the rules.
type step struct {
	name    string
	strict  bool // here we may say no where the engine says yes
	trusted *types.LightBlock
	next    *types.LightBlock
	period  time.Duration
	drift   time.Duration
	now     time.Time
	sign    voteChange // how the votes of `next` are made
}

// What a voter signs instead of what he should.
type voteChange struct {
	index   int // -1: all
	change  func(v *cmtproto.Vote)
	chainID string
}

func powerLimit(n int) int64 {
	switch r.Intn(4) {
	case 0:
		return 1
	case 1:
		return types.MaxTotalVotingPower / int64(n)
	default:
		return 100
	}
}

// n validators of those from `first` on.
func makeSet(first, n int) *types.ValidatorSet {
	limit := powerLimit(n)
	list := make([]*types.Validator, n)
	for i := range list {
		list[i] = types.NewValidator(keys[(first+i)%len(keys)].PubKey(), 1+r.Int63n(limit))
	}
	return types.NewValidatorSet(list)
}

func makeHeader(height int64, at time.Time, set, next *types.ValidatorSet) *types.Header {
	h := &types.Header{
		Version:            cmtversion.Consensus{Block: 11, App: uint64(r.Intn(3))},
		ChainID:            chainID,
		Height:             height,
		Time:               at,
		ValidatorsHash:     set.Hash(),
		NextValidatorsHash: next.Hash(),
		ConsensusHash:      randomBytes(32),
		AppHash:            randomBytes(r.Intn(3) * 16),
		ProposerAddress:    set.Validators[0].Address,
	}
	if r.Intn(4) > 0 {
		h.LastBlockID = types.BlockID{Hash: randomBytes(32),
			PartSetHeader: types.PartSetHeader{Total: r.Uint32(), Hash: randomBytes(32)}}
		h.LastCommitHash = randomBytes(32)
		h.DataHash = randomBytes(32)
		h.LastResultsHash = randomBytes(32)
		h.EvidenceHash = randomBytes(32)
	}
	return h
}

// One vote for what the commit commits to, or changed.
func makeVote(s *step, commit *types.Commit, i int, key ed25519.PrivKey, flag types.BlockIDFlag) types.CommitSig {
	at := s.next.Time.Add(time.Duration(r.Int63n(int64(time.Second))))
	v := &cmtproto.Vote{Type: cmtproto.PrecommitType, Height: commit.Height, Round: commit.Round, Timestamp: at}
	if flag == types.BlockIDFlagCommit {
		v.BlockID = commit.BlockID.ToProto()
	}
	chain := chainID
	if s.sign.change != nil && (s.sign.index < 0 || s.sign.index == i) {
		s.sign.change(v)
		if s.sign.chainID != "" {
			chain = s.sign.chainID
		}
	}
	signature, err := key.Sign(types.VoteSignBytes(chain, v))
	must(err)
	return types.CommitSig{BlockIDFlag: flag, ValidatorAddress: key.PubKey().Address().Bytes(), Timestamp: at,
		Signature: signature}
}

// Votes of about `share` of the validators for the header as it is.
func commitTo(s *step, share float64) {
	h := s.next.Header
	commit := &types.Commit{Height: h.Height, Round: int32(r.Intn(3)),
		BlockID: types.BlockID{Hash: h.Hash(),
			PartSetHeader: types.PartSetHeader{Total: 1 + uint32(r.Intn(300)), Hash: randomBytes(32)}}}
	for i, v := range s.next.ValidatorSet.Validators {
		key, known := keyOf[string(v.Address)]
		switch {
		case known && r.Float64() < share:
			commit.Signatures = append(commit.Signatures, makeVote(s, commit, i, key, types.BlockIDFlagCommit))
		case known && r.Intn(2) == 0:
			commit.Signatures = append(commit.Signatures, makeVote(s, commit, i, key, types.BlockIDFlagNil))
		default:
			commit.Signatures = append(commit.Signatures, types.NewCommitSigAbsent())
		}
	}
	s.next.Commit = commit
}

func makeStep() *step {
	n := 1 + r.Intn(10)
	first := r.Intn(len(keys))
	set := makeSet(first, n)
	next := set
	if r.Intn(2) == 0 {
		next = makeSet(first+r.Intn(n+1), 1+r.Intn(10))
	}
	height := 1 + r.Int63n(1000)
	start := time.Unix(1700000000+r.Int63n(1000000), r.Int63n(1000000000)).UTC()
	distance := int64(1)
	if r.Intn(2) == 0 {
		distance = 2 + r.Int63n(100)
	}
	after := start.Add(time.Duration(1 + r.Int63n(int64(time.Hour))))
	s := &step{period: time.Duration(1+r.Int63n(1000)) * time.Hour, drift: 10 * time.Second}
	s.now = after.Add(time.Duration(r.Int63n(int64(time.Minute))))
	s.trusted = &types.LightBlock{ValidatorSet: set, SignedHeader: &types.SignedHeader{
		Header: makeHeader(height, start, set, next)}}
	s.next = &types.LightBlock{ValidatorSet: next, SignedHeader: &types.SignedHeader{
		Header: makeHeader(height+distance, after, next, makeSet(first, n))}}
	return s
}

// The set as a peer would hand it over: as it is, in its order.
func received(set *types.ValidatorSet) (*types.ValidatorSet, error) {
	if len(set.Validators) == 0 {
		return nil, errors.New("no validators")
	}
	proto, err := (&types.ValidatorSet{Validators: set.Validators, Proposer: set.Validators[0]}).ToProto()
	if err != nil {
		return nil, err
	}
	return types.ValidatorSetFromProto(proto)
}

func verdict(s *step) (said string) {
	defer func() {
		if recover() != nil { // a total power that is too large
			said = "no"
		}
	}()
	set, err := received(s.next.ValidatorSet)
	if err != nil {
		return "no"
	}
	next := &types.LightBlock{SignedHeader: s.next.SignedHeader, ValidatorSet: set}
	if next.ValidateBasic(chainID) != nil {
		return "no"
	}
	err = light.Verify(s.trusted.SignedHeader, s.trusted.ValidatorSet, next.SignedHeader, set, s.period, s.now,
		s.drift, light.DefaultTrustLevel)
	var few light.ErrNewValSetCantBeTrusted
	switch {
	case err == nil:
		return "yes"
	case errors.As(err, &few):
		return "not enough trust"
	default:
		return "no"
	}
}

type line struct {
	Name              string             `json:"name"`
	Strict            bool               `json:"strict"`
	Verdict           string             `json:"verdict"`
	Period            int64              `json:"period_ms"`
	Drift             int64              `json:"drift_ms"`
	Now               time.Time          `json:"now"`
	TrustedHeader     *types.Header      `json:"trusted_header"`
	TrustedValidators []*types.Validator `json:"trusted_validators"`
	Commit            commitAnswer       `json:"commit"`
	Validators        validatorsAnswer   `json:"validators"`
}

type commitAnswer struct {
	Version string                 `json:"jsonrpc"`
	Result  coretypes.ResultCommit `json:"result"`
}

type validatorsAnswer struct {
	Version string                     `json:"jsonrpc"`
	Result  coretypes.ResultValidators `json:"result"`
}

func print(out *bufio.Writer, s *step) {
	set := s.next.ValidatorSet.Validators
	text, err := cmtjson.Marshal(line{
		Name: s.name, Strict: s.strict, Verdict: verdict(s),
		Period: s.period.Milliseconds(), Drift: s.drift.Milliseconds(), Now: s.now,
		TrustedHeader: s.trusted.Header, TrustedValidators: s.trusted.ValidatorSet.Validators,
		Commit: commitAnswer{"2.0", coretypes.ResultCommit{SignedHeader: *s.next.SignedHeader, CanonicalCommit: true}},
		Validators: validatorsAnswer{"2.0", coretypes.ResultValidators{
			BlockHeight: s.next.Height, Validators: set, Count: len(set), Total: len(set)}},
	})
	must(err)
	_, err = out.Write(append(text, '\n'))
	must(err)
}

func main() {
	if len(os.Args) != 3 {
		must(errors.New("usage: light SEED COUNT"))
	}
	seed, err := strconv.ParseInt(os.Args[1], 10, 64)
	must(err)
	count, err := strconv.Atoi(os.Args[2])
	must(err)
	r = rand.New(rand.NewSource(seed))
	makeKeys()
	out := bufio.NewWriter(os.Stdout)
	for i := 0; i < count; i++ {
		print(out, changed(i))
	}
	must(out.Flush())
}
