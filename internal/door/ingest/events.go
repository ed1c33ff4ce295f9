package ingest

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/seen"
)

// Events takes what users do. Make it with NewEvents, mount it, and Run it.
type Events struct {
	journal *journal.Journal
	sources *track.Service
	seen    *seen.Index
	log     *slog.Logger
	now     func() time.Time
	doubts  *doubts
	slots   *slots
	limits  *limits
	held    *held
	// settleAfter is how long after a failure the log is asked what it has; tests wait less.
	settleAfter time.Duration
	// Counted, if given, is told which events are on disk now, and which of them for the first time: an exposure that is told again may be news for who counts.
	Counted func(events []capture.Event, fresh []bool)
	// Full, if given, tells why nothing can be taken just now: what is taken must be kept, and found.
	Full func() error
	// bodyTime is how long a body may take; tests wait less.
	bodyTime time.Duration
}

// NewEvents makes the door on a log, and an index of ids that has learnt all of it (see Learn).
func NewEvents(j *journal.Journal, sources *track.Service, ids *seen.Index, now func() time.Time, log *slog.Logger) *Events {
	return &Events{journal: j, sources: sources, seen: ids, now: now, log: log, doubts: newDoubts(), slots: newSlots(max(1, runtime.GOMAXPROCS(0)/2)), limits: &limits{buckets: map[string]*bucket{}}, held: newHeld(mostHeld), settleAfter: settleAfter, bodyTime: bodyTime}
}

// decoder reads the body of one dialect.
type decoder func(*capture.Call) (capture.Decoded, error)

// dialect is how the clients of one kind speak.
type dialect struct {
	read decoder
	kind capture.Kind // what the address says of a single event
	// answer is what its clients take for "accepted".
	answer func(w http.ResponseWriter, t taken)
}

// taken is what became of a body.
type taken struct {
	events, repeated int
	misdated         int // of the events, those whose own time cannot be
	failures         []capture.Failure
}

// Mount adds the door's paths.
func (e *Events) Mount(mux *http.ServeMux) {
	for path, kind := range map[string]capture.Kind{
		"track": capture.Track, "t": capture.Track, "identify": capture.Identify, "i": capture.Identify, "page": capture.Page, "p": capture.Page,
		"screen": capture.Screen, "s": capture.Screen, "group": capture.Group, "g": capture.Group, "alias": capture.Alias, "a": capture.Alias,
		"batch": "", "b": "", "import": "",
	} {
		e.mount(mux, "/v1/"+path, dialect{read: capture.Segment, kind: kind, answer: segmentAnswer})
	}
	for _, path := range []string{"/batch", "/batch/", "/capture", "/capture/", "/e", "/e/", "/i/v0/e", "/i/v0/e/", "/track/"} {
		e.mount(mux, path, dialect{read: capture.PostHog, answer: postHogAnswer})
	}
	e.mount(mux, "/v1/events", dialect{read: capture.Plain, answer: plainAnswer})
	e.mount(mux, "/v1/cloudevents", dialect{read: capture.CloudEvents, answer: plainAnswer})
	e.mountBrowser(mux)
}

// mount serves a dialect, for browsers of any site.
func (e *Events) mount(mux *http.ServeMux, path string, d dialect) {
	if strings.HasSuffix(path, "/") {
		path += "{$}"
	}
	e.open(mux, "POST "+path, func(w http.ResponseWriter, r *http.Request) { e.take(w, r, d) })
}

// take reads a body, and answers when all of it is on disk.
func (e *Events) take(w http.ResponseWriter, r *http.Request, d dialect) {
	got, err := e.taken(w, r, d)
	if err != nil {
		e.refuse(w, r, err)
		return
	}
	d.answer(w, got)
}

func (e *Events) taken(w http.ResponseWriter, r *http.Request, d dialect) (taken, error) {
	if headerKey(r) != "" { // a wrong one is refused before anything is read
		if _, err := e.source(r, ""); err != nil {
			return taken{}, err
		}
	}
	body, done, err := e.receive(w, r)
	defer done()
	if err != nil {
		return taken{}, err
	}
	sender := e.sender(r, body)
	s, known := e.sources.Source(sender)
	if known { // before any work is done for it
		if err := e.limits.check(s, len(body), e.now()); err != nil {
			return taken{}, err
		}
	}
	size := len(body)
	place, body, err := e.slots.unpacked(r.Context(), sender, known, body)
	defer place.give()
	if err != nil {
		return taken{}, err
	}
	source, decoded, err := e.read(r, d, body, size)
	if err != nil {
		return taken{}, err
	}
	patient := place.give() // from here on it may wait for the disk
	got, err := e.keep(r.Context(), source, decoded, patient)
	if err == nil && got.events > 0 { // what is refused, or was there, takes less
		place.answered(source.Key)
	}
	return got, err
}

// read reads the events of a body that is unpacked, and came with so many bytes.
func (e *Events) read(r *http.Request, d dialect, body []byte, size int) (source track.Source, decoded capture.Decoded, err error) {
	if body, err = cloudEvent(r, body); err != nil {
		return source, decoded, err
	}
	now := e.now()
	decoded, source, err = e.decode(d, &capture.Call{
		Body: body, Received: now, Kind: d.kind, UserAgent: r.UserAgent(), IP: address(r), Release: r.Header.Get("Slipway-Release"),
		NewID: func() string { return event.NewID(now) }, Between: runtime.Gosched,
	}, func(key string) (track.Source, error) {
		source, err := e.source(r, key)
		if err == nil {
			err = e.limits.check(source, size, now)
		}
		return source, err
	})
	if err == nil {
		e.limits.spend(source, size, len(decoded.Events)+len(decoded.Failures), now)
	}
	return source, decoded, err
}

func segmentAnswer(w http.ResponseWriter, _ taken) {
	writeJSON(w, json.RawMessage(`{"success":true}`))
}

func postHogAnswer(w http.ResponseWriter, _ taken) {
	writeJSON(w, json.RawMessage(`{"status":1}`))
}

// plainAnswer tells servers all of it.
func plainAnswer(w http.ResponseWriter, t taken) {
	type failure struct {
		ID string `json:"id,omitempty"`
		capture.Failure
	}
	failed := make([]failure, 0, len(t.failures))
	for _, f := range t.failures {
		failed = append(failed, failure{f.ID, f})
	}
	answer := map[string]any{"accepted": t.events, "repeated": t.repeated, "failed": failed}
	if t.misdated > 0 {
		answer["misdated"] = t.misdated
	}
	writeJSON(w, answer)
}
