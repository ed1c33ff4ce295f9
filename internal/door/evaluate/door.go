package evaluate

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/door/expose"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Door is what clients of flags call.
type Door struct {
	// MaxStreams is how many streams there may be at once, MaxOfKey how many of one key.
	MaxStreams, MaxOfKey int
	// Expose, if given, is told which value a visitor was given of a flag that somebody asked for, where an experiment placed them.
	Expose func(expose.Exposure)

	flags               *flag.Service
	log                 *slog.Logger
	writeTime           time.Duration
	restLeast, restMost time.Duration
	places              sync.Map // *place by app and environment
	ids                 sync.Map // keys, as clients send them, by their ids
	faulty              sync.Map // *counter by counted
	crowd               crowd
	rest                frame // says nothing, but that the stream is there
}

// New makes the door on a Service that runs.
func New(flags *flag.Service, log *slog.Logger) *Door {
	all := streams()
	return &Door{
		MaxStreams: all, MaxOfKey: all / 5 * 4, flags: flags, log: log, writeTime: writeTime, restLeast: restLeast, restMost: restMost,
		crowd: crowd{of: map[string]int{}}, rest: newFrame(": rest\n\n"),
	}
}

// streams is how many streams this process can have: each has a file descriptor, of which a quarter is left for everything else.
func streams() int {
	const most, usual = 100_000, 1024
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		limit.Cur = usual
	}
	return int(min(limit.Cur/4*3, most))
}

// Run waits, when ctx ends, until all streams are gone. The server that they are part of ends them.
func (d *Door) Run(ctx context.Context) error {
	<-ctx.Done()
	d.crowd.streams.Wait()
	return nil
}

// Mount adds the paths.
func (d *Door) Mount(mux *http.ServeMux) {
	open(mux, "GET /api/features/{key}", d.features)
	open(mux, "POST /api/eval/{key}", d.remote)
	open(mux, "GET /sub/{key}", d.subscribe)
	open(mux, "POST /ofrep/v1/evaluate/flags", d.bulk)
	open(mux, "POST /ofrep/v1/evaluate/flags/{flag}", d.single)
	open(mux, "GET /ofrep/v1/streams/{app}/{id}", d.refetches)
}

// open lets pages of any site call a path, and read the answer: there are no cookies here that another site could abuse, only the key that the page has.
func open(mux *http.ServeMux, pattern string, do http.HandlerFunc) {
	method, path, _ := strings.Cut(pattern, " ")
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "ETag, Retry-After, "+sseSupport)
		do(w, r)
	})
	mux.HandleFunc("OPTIONS "+path, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", method+", OPTIONS")
		h.Set("Access-Control-Max-Age", "86400")
		// Whatever is asked for: "*" does not stand for Authorization, and apps send headers of their own.
		if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
			h.Set("Access-Control-Allow-Headers", asked)
			h.Add("Vary", "Access-Control-Request-Headers")
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

var (
	errNoKey error = fault.Unauthorized("the request has no key; send that of the app's flags as X-API-Key, or as Authorization: Bearer")
	errKey   error = fault.Unauthorized("the key is not known; copy it from the keys of the app's flags")
	errRules error = fault.Forbidden("clients with this key are told values for each visitor, and no rules; ask by POST /api/eval/KEY (remoteEval), or by OFREP")
)

// key finds whose key a client sends.
func (d *Door) key(sent string) (flag.Key, error) {
	k, ok := d.flags.Key(sent)
	switch {
	case sent == "":
		return k, errNoKey
	case k.ID == "":
		return k, errKey
	case !ok:
		return k, fault.Forbidden("the key %q was stopped, and tells nothing", k.Name)
	}
	return k, nil
}

// refuse answers a client of GrowthBook, or one that wants a stream.
func (d *Door) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if b := (busy{}); errors.As(err, &b) {
		w.Header().Set("Retry-After", b.after())
	}
	if api.WriteProblem(w, err) >= http.StatusInternalServerError && r.Context().Err() == nil && !errors.As(err, &busy{}) {
		d.log.Error("a client is not told of flags", "path", r.Pattern, "error", err)
	}
}
