package journal

import (
	"context"
	"fmt"
	"sort"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	takesStream  = "TAKES"
	takesSubject = "takes"
)

// AppendTakes puts a block of takes of limits into the log, and gives its sequence when it is on disk.
func (j *Journal) AppendTakes(ctx context.Context, block []byte) (sequence uint64, err error) {
	return j.takes.append(ctx, Sender{}, []message{{subject: takesSubject, data: block}})
}

// TakesHeld is which blocks of takes the log holds, as EventsHeld says it of events.
func (j *Journal) TakesHeld(ctx context.Context) (first, last uint64, err error) {
	stream, err := j.js.Stream(ctx, takesStream)
	if err != nil {
		return 0, 0, fmt.Errorf("ask the log for takes: %w", err)
	}
	state := stream.CachedInfo().State // asked for just now
	return state.FirstSeq, state.LastSeq, nil
}

// TakesSince is the sequence of the first block of takes that was written at a time or later; one behind the last where none was.
func (j *Journal) TakesSince(ctx context.Context, at time.Time) (sequence uint64, err error) {
	stream, err := j.js.Stream(ctx, takesStream)
	if err != nil {
		return 0, fmt.Errorf("ask the log for takes: %w", err)
	}
	state := stream.CachedInfo().State
	if state.Msgs == 0 {
		return state.LastSeq + 1, nil
	}
	n := int(state.LastSeq + 1 - state.FirstSeq)
	var failed error
	i := sort.Search(n, func(i int) bool {
		if failed != nil {
			return true
		}
		var m *jetstream.RawStreamMsg
		if m, failed = stream.GetMsg(ctx, state.FirstSeq+uint64(i)); failed != nil {
			return true
		}
		return !m.Time.Before(at)
	})
	if failed != nil {
		return 0, fmt.Errorf("find takes by their time: %w", failed)
	}
	return state.FirstSeq + uint64(i), nil
}

// ReadTakes hands on the blocks of takes behind the sequence after, up to another and no further, in order and at most so many at once.
func (j *Journal) ReadTakes(ctx context.Context, after, upTo uint64, most int, fn func([]Telemetry) error) error {
	if first, last, err := j.TakesHeld(ctx); err != nil || last == 0 || upTo > last || after >= upTo || upTo < first {
		if err == nil && upTo > last {
			err = fmt.Errorf("the log has takes up to %d, not to %d", last, upTo)
		}
		return err
	}
	err := j.read(ctx, takesStream, nil, after+1, most, func(batch []Telemetry) error {
		for len(batch) > 0 && batch[len(batch)-1].Sequence > upTo {
			batch = batch[:len(batch)-1]
		}
		if len(batch) == 0 {
			return errEnough
		}
		if err := fn(batch); err != nil {
			return err
		}
		if batch[len(batch)-1].Sequence >= upTo {
			return errEnough
		}
		return nil
	})
	if err == errEnough { //nolint:errorlint // it is handed through as it is
		return nil
	}
	if err == nil {
		err = ctx.Err()
	}
	return err
}
