package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Record is something that a user did, and the subject it is written under: "APP.KIND".
type Record struct {
	Subject string
	Data    []byte
}

// AppendEvents puts what users did into the log under "events.<subject>", as Append does, and gives the sequence of the last one; those of one call have sequences in a row up to it. It also fails when the
// stream is full: nothing that was acknowledged makes room.
func (j *Journal) AppendEvents(ctx context.Context, records ...Record) (last uint64, err error) {
	return j.AppendEventsOf(ctx, Sender{}, records...)
}

// AppendEventsOf is AppendEvents for one of several senders who take turns: however much one of them has waiting, another's next call shares the next commit.
func (j *Journal) AppendEventsOf(ctx context.Context, sender Sender, records ...Record) (last uint64, err error) {
	msgs := make([]message, len(records))
	for i, r := range records {
		msgs[i] = message{subject: eventsPrefix + r.Subject, data: r.Data}
	}
	return j.events.append(ctx, sender, msgs)
}

// place is a message of the stream of events and the sequence of the last event up to there. Events are counted without gaps, whatever messages they are in.
type place struct{ message, event uint64 }

// errMoved is that another has written since it was asked where the stream ends.
var errMoved = errors.New("another server writes to the same log")

// commitEvents writes as many of the first events as make a pack. One message is as whole as an atomic batch, for which the server makes a folder and its files.
func (j *Journal) commitEvents(ctx context.Context, events []message) (n int, last uint64, err error) {
	events = events[:together(events)]
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	for range 5 {
		end, err := j.end(ctx)
		if err != nil {
			return 0, 0, fmt.Errorf("write %d events to the log: %w", len(events), err)
		}
		pack := j.packer.pack(end.event+1, events)
		pack.follows = strconv.FormatUint(end.message, 10) // or their sequences could be another's
		_, at, err := j.commitBatch(ctx, []message{pack})
		if err == nil {
			last = end.event + uint64(len(events))
			j.endsAt(place{at, last})
			return len(events), last, nil
		}
		j.endsAt(place{})
		if !errors.Is(err, errMoved) {
			return 0, 0, err
		}
	}
	return 0, 0, fmt.Errorf("write %d events: %w: %w", len(events), ErrRefused, errMoved)
}

// endsAt keeps where the stream ends for who writes next; nowhere makes it ask.
func (j *Journal) endsAt(p place) {
	j.endMu.Lock()
	defer j.endMu.Unlock()
	j.ends = p
}

// end is where the stream ends, as far as who writes knows.
func (j *Journal) end(ctx context.Context) (place, error) {
	j.endMu.Lock()
	known := j.ends
	j.endMu.Unlock()
	if known.message > 0 {
		return known, nil
	}
	held, err := j.held(ctx)
	return held.last, err
}

// held is what the stream has: the place before its first event, and the last.
type held struct {
	before, last place
	messages     uint64
	stream       jetstream.Stream
}

func (j *Journal) held(ctx context.Context) (h held, err error) {
	if h.stream, err = j.js.Stream(ctx, eventsStream); err != nil {
		return h, fmt.Errorf("ask the log for its events: %w", err)
	}
	for range 5 {
		info := h.stream.CachedInfo()
		state := info.State // asked for just now
		h.messages = state.Msgs
		if state.Msgs == 0 {
			h.last = place{state.LastSeq, endOf(state.LastSeq, info.Config.Metadata[endNote])}
			h.before = h.last
			return h, nil
		}
		first, err := j.span(ctx, h.stream, state.FirstSeq)
		last := first
		if err == nil {
			last, err = j.span(ctx, h.stream, state.LastSeq)
		}
		if err == nil {
			h.before, h.last = place{state.FirstSeq - 1, first.first - 1}, place{state.LastSeq, last.behind - 1}
			return h, nil
		}
		if !errors.Is(err, jetstream.ErrMsgNotFound) { // or it grew too old meanwhile
			return h, err
		}
		if _, err := h.stream.Info(ctx); err != nil {
			return h, fmt.Errorf("ask the log for its events: %w", err)
		}
	}
	return h, errors.New("the log's events come and go faster than they can be counted")
}

// EventsHeld is which events the log holds: the sequences of the first and of the last one. There was none yet where last is 0, and none is left where first is greater.
func (j *Journal) EventsHeld(ctx context.Context) (first, last uint64, err error) {
	h, err := j.held(ctx)
	return h.before.event + 1, h.last.event, err
}

// ReadEvents hands on what users did, behind the sequence after, of all apps, in order and at most so many at once, and waits for more until ctx ends or fn fails.
func (j *Journal) ReadEvents(ctx context.Context, after uint64, most int, fn func([]Telemetry) error) error {
	return j.readEvents(ctx, "", after, most, fn)
}

// ReadEventsOf is ReadEvents for what users of one app did.
func (j *Journal) ReadEventsOf(ctx context.Context, app string, after uint64, most int, fn func([]Telemetry) error) error {
	return j.readEvents(ctx, app, after, most, fn)
}

// packsAtOnce is how many messages are read before their events are handed on.
const packsAtOnce = 64

// readEvents reads those of one app, or of all.
func (j *Journal) readEvents(ctx context.Context, app string, after uint64, most int, fn func([]Telemetry) error) error {
	h, err := j.held(ctx)
	from := uint64(0)
	if err == nil {
		from, err = j.find(ctx, h, after+1)
	}
	if ctx.Err() != nil {
		return nil // it ended before there was anything to read
	}
	if err != nil {
		return fmt.Errorf("read the log's events behind %d: %w", after, err)
	}
	var subjects []string
	if app != "" {
		subjects = []string{eventsPrefix + app + ".>", eventsPrefix + severalApps + ".>"}
	}
	return j.read(ctx, eventsStream, subjects, from, packsAtOnce, func(batch []Telemetry) error {
		var events []Telemetry
		for i, m := range batch {
			var err error
			before := len(events)
			if events, err = j.packer.unpack(events, m); err != nil {
				return fmt.Errorf("message %d of %s: %w", m.Sequence, eventsStream, err)
			}
			if app != "" && appOf(m.Subject) == severalApps {
				events = append(events[:before], slices.DeleteFunc(events[before:], func(e Telemetry) bool { return appOf(e.Subject) != app })...)
			}
			for len(events) > 0 && events[0].Sequence <= after {
				events = events[1:]
			}
			for len(events) >= most || len(events) > 0 && i == len(batch)-1 { // no more of them lie unpacked than are wanted
				n := min(most, len(events))
				if err := fn(events[:n:n]); err != nil {
					return err
				}
				if events = events[n:]; ctx.Err() != nil {
					return nil
				}
			}
		}
		return nil
	})
}

// BeginEventsBehind has the first event of a log that never had one get the sequence behind another.
func (j *Journal) BeginEventsBehind(ctx context.Context, sequence uint64) error {
	h, err := j.held(ctx)
	if err != nil {
		return err
	}
	if h.last.event > 0 {
		return fmt.Errorf("the log has had events up to %d, and does not begin anew", h.last.event)
	}
	if err := h.stream.Purge(ctx, jetstream.WithPurgeSequence(sequence+1)); err != nil {
		return fmt.Errorf("begin the log's events behind %d: %w", sequence, err)
	}
	return nil
}

// EventTime is when the event at a sequence was written, or the first one behind it that the log still has; ok is false where there is none.
func (j *Journal) EventTime(ctx context.Context, sequence uint64) (at time.Time, ok bool, err error) {
	h, err := j.held(ctx)
	if err != nil || h.messages == 0 || sequence > h.last.event {
		return at, false, err
	}
	message, err := j.find(ctx, h, sequence)
	if err != nil {
		return at, false, err
	}
	m, err := h.stream.GetMsg(ctx, message)
	if err != nil {
		return at, false, fmt.Errorf("read event %d of the log: %w", sequence, err)
	}
	return m.Time, true, nil
}

const (
	// endNote is the stream's note of where it ended: "MESSAGE:EVENT". It is needed once all messages have become too old, as only they say how many events there were.
	endNote   = "slipway-events-end"
	noteEvery = time.Hour
	noteTime  = 5 * time.Second
	// noteGap is how far sequences jump where events were written since the note, and are gone: more than are written between two notes.
	noteGap = 1 << 32
)

// endOf is the sequence of the last event that a stream without messages had.
func endOf(message uint64, note string) uint64 {
	var noted place
	left, right, ok := strings.Cut(note, ":")
	if ok {
		var err1, err2 error
		noted.message, err1 = strconv.ParseUint(left, 10, 64)
		noted.event, err2 = strconv.ParseUint(right, 10, 64)
		ok = err1 == nil && err2 == nil
	}
	switch {
	case !ok: // each event was a message
		return message
	case noted.message == message:
		return noted.event
	}
	return noted.event + noteGap
}

// noteEnd notes where the stream ends.
func (j *Journal) noteEnd(ctx context.Context) error {
	h, err := j.held(ctx)
	if err != nil || h.last.message == 0 {
		return err
	}
	cfg, note := h.stream.CachedInfo().Config, fmt.Sprintf("%d:%d", h.last.message, h.last.event)
	if cfg.Metadata[endNote] == note {
		return nil
	}
	cfg.Metadata = map[string]string{endNote: note}
	if _, err := j.js.UpdateStream(ctx, cfg); err != nil {
		return fmt.Errorf("note where the log's events end: %w", err)
	}
	return nil
}

// noteEnds notes it at once, and then each hour until ctx ends. Without a note sequences jump, and nothing is lost.
func (j *Journal) noteEnds(ctx context.Context) {
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		j.tryNote(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func (j *Journal) tryNote(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, noteTime)
	defer cancel()
	if err := j.noteEnd(ctx); err != nil && !errors.Is(err, context.Canceled) {
		j.opts.Logger.Warn("where the log's events end is not noted; sequences may jump once all have become too old", "error", err)
	}
}

// notedEnd is the note that the stream has, for who sets its other options.
func notedEnd(ctx context.Context, js jetstream.JetStream) (map[string]string, error) {
	stream, err := js.Stream(ctx, eventsStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if note, ok := stream.CachedInfo().Config.Metadata[endNote]; ok {
		return map[string]string{endNote: note}, nil
	}
	return nil, nil
}
