// The changes: of the header, the votes, the validators, the clock. Each is made either before the
// validators sign, so that only the rule in question can refuse it, or after.
package main

import (
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"
)

type change struct {
	name   string
	before func(s *step) // before the votes are made
	after  func(s *step)
	strict bool
}

func hashes(h *types.Header) []*[]byte {
	return []*[]byte{(*[]byte)(&h.LastBlockID.Hash), (*[]byte)(&h.LastBlockID.PartSetHeader.Hash),
		(*[]byte)(&h.LastCommitHash), (*[]byte)(&h.DataHash), (*[]byte)(&h.ValidatorsHash),
		(*[]byte)(&h.NextValidatorsHash), (*[]byte)(&h.ConsensusHash), (*[]byte)(&h.AppHash),
		(*[]byte)(&h.LastResultsHash), (*[]byte)(&h.EvidenceHash), (*[]byte)(&h.ProposerAddress)}
}

func changeHash(s *step) {
	all := hashes(s.next.Header)
	hash := all[r.Intn(len(all))]
	switch r.Intn(4) {
	case 0:
		*hash = nil
	case 1:
		*hash = randomBytes(r.Intn(40))
	default:
		*hash = randomBytes(32)
	}
}

func changeNumber(s *step) {
	h := s.next.Header
	switch r.Intn(7) {
	case 0:
		h.Version.Block = uint64(r.Intn(13))
	case 1:
		h.Version.App++
	case 2:
		h.Height += int64(r.Intn(5) - 2)
	case 3:
		h.Height = s.trusted.Height - int64(r.Intn(3))
	case 4:
		h.Time = h.Time.Add(time.Duration(r.Int63n(2e9) - 1e9))
	case 5:
		h.ChainID += "x"
	case 6:
		h.LastBlockID.PartSetHeader.Total++
	}
}

func anyVote(s *step) *types.CommitSig {
	return &s.next.Commit.Signatures[r.Intn(len(s.next.Commit.Signatures))]
}

// Of votes for the block alone, so that the votes still have the engine's form.
func votesFor(s *step) []int {
	var list []int
	for i, v := range s.next.Commit.Signatures {
		if v.BlockIDFlag == types.BlockIDFlagCommit {
			list = append(list, i)
		}
	}
	return list
}

func flipSignature(s *step) {
	if list := votesFor(s); len(list) > 0 {
		v := &s.next.Commit.Signatures[list[r.Intn(len(list))]]
		v.Signature = append([]byte{}, v.Signature...)
		v.Signature[r.Intn(64)] ^= 1 << r.Intn(8)
	}
}

func copySignature(s *step) {
	if list := votesFor(s); len(list) > 0 {
		from, to := list[r.Intn(len(list))], list[r.Intn(len(list))]
		sigs := s.next.Commit.Signatures
		sigs[to].Signature, sigs[to].Timestamp = sigs[from].Signature, sigs[from].Timestamp
	}
}

func nilAsVote(s *step) {
	for i := range s.next.Commit.Signatures {
		if s.next.Commit.Signatures[i].BlockIDFlag == types.BlockIDFlagNil {
			s.next.Commit.Signatures[i].BlockIDFlag = types.BlockIDFlagCommit
		}
	}
}

func voteAsNil(s *step) {
	if list := votesFor(s); len(list) > 0 {
		s.next.Commit.Signatures[list[r.Intn(len(list))]].BlockIDFlag = types.BlockIDFlagNil
	}
}

func voteTime(s *step) {
	v := anyVote(s)
	if v.BlockIDFlag != types.BlockIDFlagAbsent {
		v.Timestamp = v.Timestamp.Add(time.Duration(1 + r.Int63n(1000)))
	}
}

// Forms that no engine makes; where the engine does not look we still refuse them.
func malformVote(s *step) {
	v := anyVote(s)
	switch r.Intn(6) {
	case 0:
		v.BlockIDFlag = types.BlockIDFlag(r.Intn(6))
	case 1:
		v.Signature = randomBytes(r.Intn(80))
	case 2:
		v.ValidatorAddress = randomBytes(20)
	case 3:
		v.ValidatorAddress = randomBytes(r.Intn(30))
	case 4:
		*v = *anyVote(s)
	case 5:
		v.BlockIDFlag, v.Signature = types.BlockIDFlagAbsent, nil
	}
}

func voteCount(s *step) {
	c := s.next.Commit
	if r.Intn(2) == 0 {
		c.Signatures = c.Signatures[:len(c.Signatures)-1]
	} else {
		c.Signatures = append(c.Signatures, *anyVote(s))
	}
}

func changeCommit(s *step) {
	c := s.next.Commit
	switch r.Intn(5) {
	case 0:
		c.Height++
	case 1:
		c.Round++
	case 2:
		c.BlockID.Hash = randomBytes(32)
	case 3:
		c.BlockID.PartSetHeader.Total++
	case 4:
		c.BlockID.PartSetHeader.Hash = randomBytes(32)
	}
}

// Changes a copy of the set; with `honest` the header names what comes out.
func withSet(s *step, honest bool, fn func(list []*types.Validator) []*types.Validator) {
	var list []*types.Validator
	for _, v := range s.next.ValidatorSet.Validators {
		list = append(list, v.Copy())
	}
	s.next.ValidatorSet = &types.ValidatorSet{Validators: fn(list)}
	if honest {
		s.next.ValidatorsHash = s.next.ValidatorSet.Hash()
		if s.next.Height == s.trusted.Height+1 {
			s.trusted.NextValidatorsHash = s.next.ValidatorsHash
		}
	}
}

func changePower(list []*types.Validator) []*types.Validator {
	v := list[r.Intn(len(list))]
	switch r.Intn(4) {
	case 0:
		v.VotingPower++
	case 1:
		v.VotingPower = types.MaxTotalVotingPower
	case 2:
		v.VotingPower = 1<<63 - 1
	case 3:
		v.VotingPower = -1 - r.Int63n(1000)
	}
	return list
}

func zeroPower(list []*types.Validator) []*types.Validator {
	list[r.Intn(len(list))].VotingPower = 0
	return list
}

func otherMembers(list []*types.Validator) []*types.Validator {
	switch r.Intn(3) {
	case 0:
		return list[:len(list)-1]
	case 1:
		list[r.Intn(len(list))] = types.NewValidator(ed25519.GenPrivKeyFromSecret(randomBytes(32)).PubKey(), 50)
		return list
	default:
		r.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
		return list
	}
}

func twice(list []*types.Validator) []*types.Validator {
	return append(list, list[r.Intn(len(list))].Copy())
}

func wrongAddress(list []*types.Validator) []*types.Validator {
	list[r.Intn(len(list))].Address = randomBytes(20)
	return list
}

// Half of the time at the very edge.
func clock(s *step) {
	edge := time.Duration(r.Int63n(3) - 1)
	switch r.Intn(4) {
	case 0:
		s.now = s.trusted.Time.Add(s.period + edge)
	case 1:
		s.now = s.next.Time.Add(-s.drift + edge)
	case 2:
		s.next.Header.Time = s.trusted.Time.Add(edge)
	case 3:
		s.period = time.Duration(r.Int63n(int64(time.Minute))).Truncate(time.Millisecond) + time.Millisecond
	}
}

func signs(index int, fn func(v *cmtproto.Vote), chain string) func(s *step) {
	return func(s *step) { s.sign = voteChange{index: index, change: fn, chainID: chain} }
}

// A key of small order whose owner-less signature ZIP-215 takes: R = A = the identity, s = 0.
func smallOrder(s *step) {
	identity := make([]byte, 32)
	identity[0] = 1
	withSet(s, true, func(list []*types.Validator) []*types.Validator {
		list[0] = types.NewValidator(ed25519.PubKey(identity), list[0].VotingPower)
		return list
	})
}

func smallOrderVote(s *step) {
	v := &s.next.Commit.Signatures[0]
	signature := make([]byte, 64)
	signature[0] = 1
	*v = types.CommitSig{BlockIDFlag: types.BlockIDFlagCommit, ValidatorAddress: s.next.ValidatorSet.Validators[0].Address,
		Timestamp: s.next.Time, Signature: signature}
}

var changes = []change{
	{name: "nothing"},
	{name: "nothing, again"},
	{name: "hash, signed", before: changeHash},
	{name: "hash", after: changeHash},
	{name: "number, signed", before: changeNumber},
	{name: "number", after: changeNumber},
	{name: "clock, signed", before: clock},
	{name: "clock", after: clock},
	{name: "signature", after: flipSignature},
	{name: "signature twice", after: copySignature},
	{name: "nil as vote", after: nilAsVote},
	{name: "vote as nil", after: voteAsNil},
	{name: "vote time", after: voteTime},
	{name: "votes", after: voteCount},
	{name: "vote form", after: malformVote, strict: true},
	{name: "commit", after: changeCommit},
	{name: "power, signed", before: func(s *step) { withSet(s, true, changePower) }},
	{name: "power", after: func(s *step) { withSet(s, false, changePower) }},
	{name: "power zero, signed", before: func(s *step) { withSet(s, true, zeroPower) }, strict: true},
	{name: "members, signed", before: func(s *step) { withSet(s, true, otherMembers) }},
	{name: "members", after: func(s *step) { withSet(s, false, otherMembers) }},
	{name: "twice, signed", before: func(s *step) { withSet(s, true, twice) }, strict: true},
	{name: "twice", after: func(s *step) { withSet(s, false, twice) }},
	{name: "address, signed", before: func(s *step) { withSet(s, true, wrongAddress) }},
	{name: "prevotes", before: signs(-1, func(v *cmtproto.Vote) { v.Type = cmtproto.PrevoteType }, "")},
	{name: "prevote", before: signs(0, func(v *cmtproto.Vote) { v.Type = cmtproto.PrevoteType }, "")},
	{name: "other round", before: signs(0, func(v *cmtproto.Vote) { v.Round++ }, "")},
	{name: "other height", before: signs(0, func(v *cmtproto.Vote) { v.Height++ }, "")},
	{name: "other block", before: signs(0, func(v *cmtproto.Vote) { v.BlockID.Hash = randomBytes(32) }, "")},
	{name: "other chain", before: signs(0, func(*cmtproto.Vote) {}, "another")},
	{name: "small order", before: smallOrder, after: smallOrderVote, strict: true},
}

func changed(i int) *step {
	c := changes[i%len(changes)]
	s := makeStep()
	s.name, s.strict = c.name, c.strict
	if c.before != nil {
		c.before(s)
	}
	share := 0.5 + r.Float64()/2
	if r.Intn(2) == 0 {
		share = 1
	}
	if s.next.ValidatorSet != nil && len(s.next.ValidatorSet.Validators) > 0 {
		commitTo(s, share)
	} else {
		s.next.Commit = &types.Commit{Height: s.next.Height}
	}
	if c.after != nil && len(s.next.Commit.Signatures) > 0 {
		c.after(s)
	}
	return s
}
