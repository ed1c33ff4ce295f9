package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipwayhq/slipway/internal/event"
)

// PublishState writes state events in the order given and returns when they are on disk. Only the pump calls it. Events published before (a crash between
// publishing and noting it) may come again: readers drop them by position.
func (j *Journal) PublishState(ctx context.Context, events []event.Event) error {
	msgs := make([]message, len(events))
	for i, ev := range events {
		data, err := json.Marshal(ev)
		if err != nil {
			return fmt.Errorf("encode event %s: %w", ev.ID, err)
		}
		// No Msg-Id: one duplicate would reject the whole batch, and positions dedupe for ever, not for minutes.
		msgs[i] = message{subject: statePrefix + string(ev.Type), data: data}
	}
	for len(msgs) > 0 {
		n := min(len(msgs), maxBatch)
		if _, _, err := j.commitBatch(ctx, msgs[:n]); err != nil {
			return err
		}
		msgs = msgs[n:]
	}
	return nil
}

// LastPosition is the position of the newest state event in the log, 0 when there is none.
func (j *Journal) LastPosition(ctx context.Context) (int64, error) {
	info, err := j.state.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask the log for its newest state event: %w", err)
	}
	if info.State.LastSeq == 0 {
		return 0, nil
	}
	msg, err := j.state.GetMsg(ctx, info.State.LastSeq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the newest state event: %w", err)
	}
	var ev event.Event
	if err := json.Unmarshal(msg.Data, &ev); err != nil {
		return 0, fmt.Errorf("decode the newest state event: %w", err)
	}
	return ev.Position, nil
}

// ReadState calls fn for each state event behind position after, in order and without gaps, and waits for more until ctx ends (then it returns nil) or fn fails.
func (j *Journal) ReadState(ctx context.Context, after int64, fn func(event.Event) error) error {
	return j.ReadStateBatches(ctx, after, 1, func(events []event.Event) error { return fn(events[0]) })
}

// ReadStateBatches is ReadState for who takes several at once: fn gets the events that are there already, at least one and at most so many. None is held back for others
// to come.
func (j *Journal) ReadStateBatches(ctx context.Context, after int64, most int, fn func([]event.Event) error) error {
	// A position never exceeds its sequence (a repeated publish only adds sequences), so reading from sequence after+1 misses nothing.
	return j.read(ctx, stateStream, nil, uint64(max(after, 0))+1, most, func(batch []Telemetry) error {
		events, broken := nextStates(&after, batch)
		if len(events) > 0 {
			if err := fn(events); err != nil {
				return err
			}
		}
		return broken
	})
}

// nextStates decodes the events that follow a position, up to the first that cannot be the next, and moves the position behind them.
func nextStates(after *int64, batch []Telemetry) ([]event.Event, error) {
	events := make([]event.Event, 0, len(batch))
	for _, m := range batch {
		var ev event.Event
		if err := json.Unmarshal(m.Data, &ev); err != nil {
			return events, fmt.Errorf("decode a state event: %w", err)
		}
		if ev.Position <= *after {
			continue
		}
		if ev.Position != *after+1 {
			return events, fmt.Errorf("the log has a gap: position %d follows %d; restore the log from the backup", ev.Position, *after)
		}
		*after = ev.Position
		events = append(events, ev)
	}
	return events, nil
}

// Telemetry is one message of the telemetry stream.
type Telemetry struct {
	Sequence uint64
	Subject  string
	Data     []byte
	Time     time.Time // when it was written
}

// ReadTelemetry calls fn for each message under "telemetry.<subject>" behind the sequence after, in order, and waits for more until ctx ends or fn fails.
// Sequences are shared by all subjects, so they have gaps here.
func (j *Journal) ReadTelemetry(ctx context.Context, subject string, after uint64, fn func(Telemetry) error) error {
	return j.ReadTelemetryBatches(ctx, subject, after, 1, func(batch []Telemetry) error { return fn(batch[0]) })
}

// ReadTelemetryBatches is ReadTelemetry for who takes several at once, as ReadStateBatches is.
func (j *Journal) ReadTelemetryBatches(ctx context.Context, subject string, after uint64, most int, fn func([]Telemetry) error) error {
	return j.read(ctx, telemetryStream, []string{telemetryPrefix + subject}, after+1, most, fn)
}

const (
	// batchBytes is how much is read before it is handed on, whatever else is there.
	batchBytes = 1 << 20
	// announced is how long a message may take that the log said is there. It does not come when it has become too old meanwhile.
	announced = 20 * time.Millisecond
)

// read follows a stream from a sequence on, and hands on what is there, at most so many messages at once.
func (j *Journal) read(ctx context.Context, stream string, subjects []string, from uint64, most int, fn func([]Telemetry) error) error {
	cons, err := j.js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{
		FilterSubjects: subjects, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
		InactiveThreshold: time.Minute,
	})
	if ctx.Err() != nil {
		return nil // it ended before there was anything to read
	}
	if err != nil {
		return fmt.Errorf("read the log from %s %d: %w", stream, from, err)
	}
	msgs, err := cons.Messages()
	if err != nil {
		return fmt.Errorf("read the log from %s %d: %w", stream, from, err)
	}
	stop := context.AfterFunc(ctx, msgs.Stop)
	defer stop()
	defer msgs.Stop()
	for {
		batch, err := nextBatch(msgs, most)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("read the log from %s: %w", stream, err)
		}
		if err := fn(batch); err != nil {
			return err
		}
	}
}

// nextBatch waits for a message and takes with it those that are there already: each says how many follow it.
func nextBatch(msgs jetstream.MessagesContext, most int) ([]Telemetry, error) {
	var batch []Telemetry
	var wait []jetstream.NextOpt
	for size := 0; len(batch) < most && size < batchBytes; {
		m, err := msgs.Next(wait...)
		if errors.Is(err, nats.ErrTimeout) && len(batch) > 0 {
			break
		}
		if err != nil {
			return nil, err
		}
		meta, err := m.Metadata()
		if err != nil {
			return nil, err
		}
		batch = append(batch, Telemetry{Sequence: meta.Sequence.Stream, Subject: m.Subject(), Data: m.Data(), Time: meta.Timestamp})
		if size += len(m.Data()); meta.NumPending == 0 {
			break
		}
		wait = []jetstream.NextOpt{jetstream.NextMaxWait(announced)}
	}
	return batch, nil
}
