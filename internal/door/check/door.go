package check

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/limit"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

// Caller is who a key belongs to.
type Caller struct{ App, Env, Name string }

// Door is what clients of limits call.
type Door struct {
	Limits *limit.Service
	Store  takes.Store
	// Key finds whose key a server sends.
	Key    func(key string) (Caller, bool)
	Now    func() time.Time
	Logger *slog.Logger

	logged atomic.Int64 // when a failure was, last, ns since 1970
}

// Mount adds the paths.
func (d *Door) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/limits/check", d.answer(d.check))
	mux.HandleFunc("POST /v1/limits/return", d.answer(d.giveBack))
	mux.HandleFunc("GET /api/v1/limits", d.plain(d.definitions))
	mux.HandleFunc("POST /api/v1/limits", d.plain(d.define))
	mux.HandleFunc("PUT /api/v1/limits", d.plain(d.define))
	mux.HandleFunc("POST /api/v1/limitcheck", d.plain(d.limitCheck))
	mux.HandleFunc("POST /api/v1/limitreturn", d.plain(d.limitReturn))
}

// answer serves what may fail.
func (d *Door) answer(do func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := do(w, r); err != nil {
			d.log(api.WriteProblem(w, err), r, err)
		}
	}
}

// log tells of what is the server's own fault, at most once a second: where a store is away, each check fails.
func (d *Door) log(status int, r *http.Request, err error) {
	now, last := d.Now().UnixNano(), d.logged.Load()
	if status < http.StatusInternalServerError || r.Context().Err() != nil || now >= last && now-last < int64(time.Second) || !d.logged.CompareAndSwap(last, now) {
		return
	}
	d.Logger.Error("a limit was not asked", "path", r.URL.Path, "error", err)
}

// take asks the store. That nobody could be asked, or nothing more be counted, is told as what passes: clients take 429 for a denial.
func (d *Door) take(ctx context.Context, asks []takes.Ask, answers []rate.Answer) error {
	return unavailable(d.Store.Take(ctx, asks, answers))
}

func unavailable(err error) error {
	if code := fault.CodeOf(err); err == nil || code != fault.CodeInternal && code != fault.CodeLimited {
		return err
	}
	return errors.Join(api.Unavailable(fault.Message(err)), err)
}

var (
	errNoKey error = fault.Unauthorized("the request has no key; send one of the app's keys for servers as Authorization: Bearer KEY")
	errKey   error = fault.Unauthorized("the key is not known, is for browsers, or was stopped; copy one for servers from the keys of the app's flags and limits")
)

func (d *Door) caller(r *http.Request) (Caller, error) {
	kind, sent, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(kind, "bearer") {
		return Caller{}, errNoKey
	}
	c, ok := d.Key(strings.TrimSpace(sent))
	if !ok {
		return c, errKey
	}
	return c, nil
}

// noLimit is for a group that nothing limits.
func noLimit(group string) error {
	return fault.NotFound("no limit is defined for %q, nor for what it begins with; add one on the app's page of limits, or with slipway limit set", short(group)).At("group")
}

func short(s string) string {
	if len(s) > 100 {
		return s[:100] + "…"
	}
	return s
}

// ask makes an ask of a group.
func (d *Door) ask(set *rate.Set, group string, amount int64, partial bool) (takes.Ask, error) {
	if len(group) > takes.Longest {
		return takes.Ask{}, fault.Invalid("a group has at most %d bytes, not %d", takes.Longest, len(group)).At("group")
	}
	limit := set.Find(group)
	if limit == nil {
		return takes.Ask{}, noLimit(group)
	}
	return takes.Ask{Limit: limit, Group: group, Amount: amount, Partial: partial}, nil
}

// maxBody is how much may be asked at once, in bytes: 32 groups of the greatest length, and the rest.
const maxBody = 64 << 10

// read calls fn with the body, which is fn's until it returns.
func read(w http.ResponseWriter, r *http.Request, fn func([]byte) error) error {
	var b bytes.Buffer
	if r.ContentLength > 0 && r.ContentLength <= maxBody {
		b.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := io.Copy(&b, http.MaxBytesReader(w, r.Body, maxBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return api.TooLarge("the body has more than 64 KiB; ask fewer groups at once, with shorter names")
	}
	if err != nil {
		return api.Malformed("the body ended early, or did not come in time")
	}
	return fn(b.Bytes())
}
