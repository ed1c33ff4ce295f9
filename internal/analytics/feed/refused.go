package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// intake is the store of one app, as it is fed.
type intake struct {
	f     *Feeder
	app   string
	store analytics.Store
}

// append adds a batch behind a position. Where the store refuses something in it, it is halved until that is found, and put aside as a failed event: one row of one app does not hold up the events of all. The
// position goes along, so that each row is stored or put aside once, whenever this ends.
func (in intake) append(ctx context.Context, b analytics.Batch, after uint64) error {
	l, err := in.f.learner(ctx, in.app, in.store)
	if err != nil {
		return err
	}
	b.Learned = l.learn(&b, after)
	in.f.restore(in.app, b.Failed)
	refusal := in.store.Append(ctx, b)
	if refusal == nil {
		return nil
	}
	delete(in.f.learners, in.app) // what it has counted is not stored
	if !errors.Is(refusal, analytics.ErrRefused) {
		return refusal
	}
	b.Learned = nil
	err = in.store.Append(ctx, b)
	if err == nil {
		in.f.opts.Logger.Error("what events show is not learnt, as the store refused it; they are stored", "app", in.app, "through", b.Through, "error", refusal)
	}
	if !errors.Is(err, analytics.ErrRefused) {
		return err
	}
	var sequences []uint64
	for _, r := range b.Rows {
		if r.Sequence > after {
			sequences = append(sequences, r.Sequence)
		}
	}
	for _, one := range b.Failed {
		if one.Sequence > after {
			sequences = append(sequences, one.Sequence)
		}
	}
	switch len(sequences) {
	case 0:
		return err
	case 1:
		return in.putAside(ctx, b, sequences[0], err)
	}
	slices.Sort(sequences)
	middle := sequences[len(sequences)/2-1]
	first, second := halve(b, middle)
	if err := in.append(ctx, first, after); err != nil {
		return err
	}
	return in.append(ctx, second, middle)
}

// halve gives what is in a batch up to a sequence, and what is behind it.
func halve(b analytics.Batch, middle uint64) (first, second analytics.Batch) {
	first.Through, second.Through = middle, b.Through
	first.Between, second.Between = b.Between, b.Between
	for _, r := range b.Rows {
		if r.Sequence <= middle {
			first.Rows = append(first.Rows, r)
		} else {
			second.Rows = append(second.Rows, r)
		}
	}
	for _, one := range b.Failed {
		if one.Sequence <= middle {
			first.Failed = append(first.Failed, one)
		} else {
			second.Failed = append(second.Failed, one)
		}
	}
	return first, second
}

// putAside stores a failed event in the place of what was refused at a sequence.
func (in intake) putAside(ctx context.Context, b analytics.Batch, sequence uint64, why error) error {
	var aside analytics.Failed
	for i := range b.Rows {
		if b.Rows[i].Sequence == sequence {
			aside = refused(sequence, &b.Rows[i].Event, b.Rows[i].Received, why)
			aside.Environment, aside.Source = b.Rows[i].Environment, b.Rows[i].Source
		}
	}
	for i := range b.Failed {
		if b.Failed[i].Sequence == sequence {
			aside = refused(sequence, &b.Failed[i].Failed, b.Failed[i].Received, why)
			aside.Environment, aside.Source = b.Failed[i].Environment, b.Failed[i].Source
		}
	}
	failed := []analytics.Failed{aside}
	in.f.restore(in.app, failed)
	if err := in.store.Append(ctx, analytics.Batch{Failed: failed, Through: b.Through}); err != nil {
		return err
	}
	in.f.opts.Logger.Error("the store refused an event; it is put aside among the failed ones", "app", in.app, "sequence", sequence, "error", why)
	return nil
}

// refused is the failed event that is made of what a store does not take: as a string of JSON, which any store can keep.
func refused(sequence uint64, what any, received time.Time, why error) analytics.Failed {
	text, err := json.Marshal(what)
	if err != nil { // JSON in it is none
		text = fmt.Appendf(nil, "%+v", what)
	}
	raw, _ := json.Marshal(strings.ReplaceAll(strings.ToValidUTF8(string(text), "\ufffd"), "\x00", "\ufffd")) // a string always is
	return analytics.Failed{Sequence: sequence, Failed: capture.Failed{
		Failure:  capture.Failure{Reason: capture.Malformed, Message: "the store of events refused it: " + why.Error(), Raw: raw},
		Received: received,
	}}
}
