package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/seen"
)

// retryAfter is for how many seconds a client that was refused should wait.
const retryAfter = "5"

// errLater is the answer when it is not known that events are on disk.
var errLater error = api.Unavailable("events cannot be written just now; send them again in a few seconds")

// keep writes what is new of a body, and gives what became of it once that is on disk. What is patient may wait a little to be written with what others send.
func (e *Events) keep(ctx context.Context, source track.Source, d capture.Decoded, patient bool) (taken, error) {
	if err := e.Closed(); err != nil {
		return taken{}, err
	}
	dropped := admit(e.sources.Rules(source.App), &d)
	keys := e.keys(source, &d)
	claim, err := e.seen.Claim(ctx, keys)
	if err != nil {
		if ctx.Err() == nil {
			e.log.Error("it is not known which events came before; their clients are told to send them again", "events", len(keys), "error", err)
		}
		return taken{}, errLater
	}
	end := claim.Release // what ends the claim where nothing else does, a panic too: others wait for it
	defer func() { end() }()
	got := taken{events: dropped, failures: d.Failures} // who sends what is dropped is told that it was taken
	for i, fresh := range claim.Fresh[:len(d.Events)] {
		if !fresh {
			got.repeated++
			continue
		}
		got.events++
		if d.Events[i].Misdated() {
			got.misdated++
		}
	}
	records, err := e.records(source, &d, claim.Fresh)
	if err != nil {
		return taken{}, err
	}
	if len(records) == 0 {
		e.count(d.Events, claim.Fresh)
		return got, nil
	}
	// Not the caller's context: one that hangs up must not leave in doubt what is written.
	end = func() { e.doubt(claim, keys, errCutOff) }
	if _, err := e.journal.AppendEventsOf(context.WithoutCancel(ctx), journal.Sender{Name: source.ID, Patient: patient}, records...); err != nil {
		end = func() {}
		e.log.Error("the log did not take events; their clients are told to send them again", "events", len(records), "error", err)
		e.doubt(claim, keys, err)
		return taken{}, errLater
	}
	end = func() {}
	if err := claim.Commit(nil); err != nil { // it is on disk all the same
		e.log.Error("ids of events are not kept yet; they are read from the log", "error", err)
		e.doubt(claim, keys, err)
	}
	e.count(d.Events, claim.Fresh)
	return got, nil
}

// count hands on what is on disk.
func (e *Events) count(events []capture.Event, fresh []bool) {
	if e.Counted != nil && len(events) > 0 {
		e.Counted(events, fresh)
	}
}

// keys are those of a body's events, and then of its failures. A failure that the client names comes once, too, and is another than the event of that id: it may yet become one.
func (e *Events) keys(source track.Source, d *capture.Decoded) []seen.Key {
	keys := make([]seen.Key, 0, len(d.Events)+len(d.Failures))
	for i := range d.Events {
		own(source, &d.Events[i])
		keys = append(keys, eventKey(d.Events[i].Kind, source.ID, d.Events[i].ID))
	}
	for _, f := range d.Failures {
		id := f.ID
		if id == "" {
			id = event.NewID(e.now())
		}
		keys = append(keys, failedKey(source.ID, id))
	}
	return keys
}

// own says whose an event is. An exposure is told once, whoever tells it of the same visitor, flag, value and day: its id says these, in the place of the client's own.
func own(source track.Source, ev *capture.Event) {
	ev.App, ev.Environment, ev.Source = source.App, source.Environment, source.ID
	if ev.Kind == capture.Exposure {
		ev.ID = ev.ExposureID()
	}
}

// eventKey is what tells an event from all others: its id, within its source, and that of an exposure within all.
func eventKey(kind capture.Kind, source, id string) seen.Key {
	if kind == capture.Exposure {
		source = "exposures" // of every source: the id has app and environment in it
	}
	return seen.KeyOf(source, id)
}

func failedKey(source, id string) seen.Key { return seen.KeyOf(source, "failed\x00"+id) }

// records are what the log gets of a body: what is fresh, in the order of keys.
func (e *Events) records(source track.Source, d *capture.Decoded, fresh []bool) ([]journal.Record, error) {
	records := make([]journal.Record, 0, len(fresh))
	subject := source.App + ".event"
	for i := range d.Events {
		if fresh[i] {
			ev := &d.Events[i]
			const others = 400 // bytes of what is no property and no context
			records = append(records, journal.Record{Subject: subject, Data: ev.AppendJSON(make([]byte, 0, others+len(ev.Properties)+len(ev.Context)))})
		}
	}
	for i, f := range d.Failures {
		if !fresh[len(d.Events)+i] {
			continue
		}
		raw, err := json.Marshal(logged{f.ID, capture.Failed{Failure: f, Dialect: d.Dialect, Kind: d.Kind, App: source.App, Environment: source.Environment, Source: source.ID, Received: e.now().UTC()}})
		if err != nil {
			return nil, fmt.Errorf("encode a failed event of %s: %w", source.ID, err)
		}
		records = append(records, journal.Record{Subject: source.App + ".failed", Data: raw})
	}
	return records, nil
}

// logged is a failed event in the log: with its id, by which it is learnt again.
type logged struct {
	ID string `json:"id,omitempty"`
	capture.Failed
}

// Learn tells the index what the log has and it has not. It is to be done before the door is opened.
func (e *Events) Learn(ctx context.Context) error {
	return e.readTail(ctx, func(written time.Time, keys []seen.Key) error { return e.seen.Learn(written, keys...) })
}

// Position is the log's last sequence, for the index to settle at.
func (e *Events) Position(ctx context.Context) (uint64, error) {
	_, last, err := e.journal.EventsHeld(ctx)
	return last, err
}

const (
	// tailBatch is how many events are read at once.
	tailBatch = 1000
	// together is for how long ids are learnt as if they came at once: a part of the index's spans.
	together = seen.Window / 14
)

// readTail reads the ids of the events behind the index's position, up to what the log has now.
func (e *Events) readTail(ctx context.Context, do func(written time.Time, keys []seen.Key) error) error {
	after := e.seen.Position()
	first, last, err := e.journal.EventsHeld(ctx)
	if after > last { // another log took the place of the one that the index knew
		after = 0
	}
	if err != nil || last <= after || first > last {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	read := uint64(0)
	err = e.journal.ReadEvents(ctx, after, tailBatch, func(batch []journal.Telemetry) error {
		var keys []seen.Key
		for i, m := range batch {
			read = m.Sequence
			if key, ok := e.idOf(m); ok {
				keys = append(keys, key)
			}
			// By when they were written, as they were learnt at first; a replayed one was received long before.
			if written := m.Time.Truncate(together); i == len(batch)-1 || !batch[i+1].Time.Truncate(together).Equal(written) {
				if err := do(written, keys); err != nil {
					return err
				}
				keys = nil
			}
		}
		if read >= last {
			cancel()
		}
		return nil
	})
	if err == nil && read < last {
		err = fmt.Errorf("read the ids of events %d to %d of the log: it ended at %d", after+1, last, read)
	}
	return err
}

// idOf reads the id of an event, or of a failed one. What cannot be read has none: no client can send it again, and the store has it among what failed.
func (e *Events) idOf(m journal.Telemetry) (key seen.Key, ok bool) {
	var ev struct {
		ID, Source string
		Kind       capture.Kind
	}
	if err := json.Unmarshal(m.Data, &ev); err != nil {
		e.log.Warn("an event of the log cannot be read; it has no id", "sequence", m.Sequence, "error", err)
		return key, false
	}
	key = eventKey(ev.Kind, ev.Source, ev.ID)
	if strings.HasSuffix(m.Subject, ".failed") {
		key = failedKey(ev.Source, ev.ID)
	}
	return key, ev.ID != ""
}
