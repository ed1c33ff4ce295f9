package evaluate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/door/expose"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/assign"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// The errors of OFREP 0.3.
const (
	parseError     = "PARSE_ERROR"
	invalidContext = "INVALID_CONTEXT"
	flagNotFound   = "FLAG_NOT_FOUND"
)

// inactivity is after how many seconds a page that nobody looks at closes its stream. It asks again when it is looked at.
const inactivity = 120

// behindTime is how long a server waits for a change that another one has told of.
const behindTime = time.Second

// failure is what OFREP says instead of a value.
type failure struct {
	Key     string `json:"key,omitempty"`
	Code    string `json:"errorCode,omitempty"`
	Details string `json:"errorDetails"`
}

// evaluation is the value of a flag. Without one the client uses its own default.
type evaluation struct {
	Key      string            `json:"key"`
	Value    *assign.Value     `json:"value,omitempty"`
	Reason   string            `json:"reason"`
	Variant  string            `json:"variant,omitempty"`
	Metadata map[string]string `json:"metadata"`
}

// evaluations are all of them, and where changes are told.
type evaluations struct {
	Flags        []evaluation      `json:"flags"`
	Metadata     map[string]string `json:"metadata"`
	EventStreams []eventStream     `json:"eventStreams"`
}

type eventStream struct {
	Type       string `json:"type"`
	Endpoint   at     `json:"endpoint"`
	Inactivity int    `json:"inactivityDelaySec"`
}

// at is an address below the one that the client asks: nobody has to know here by which name that is.
type at struct {
	RequestURI string `json:"requestUri"`
}

// ofrepKey is the key of a request: that of X-API-Key, or a Bearer.
func (d *Door) ofrepKey(r *http.Request) (flag.Key, error) {
	sent := r.Header.Get("X-API-Key")
	if kind, value, _ := strings.Cut(r.Header.Get("Authorization"), " "); sent == "" && strings.EqualFold(kind, "bearer") {
		sent = strings.TrimSpace(value)
	}
	return d.key(sent)
}

// single evaluates one flag.
func (d *Door) single(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("flag")
	k, err := d.ofrepKey(r)
	if err != nil {
		d.fail(w, r, name, err)
		return
	}
	v, _, err := subject(w, r)
	if err != nil {
		d.fail(w, r, name, err)
		return
	}
	t, err := d.current(r, k)
	if err != nil {
		d.fail(w, r, name, err)
		return
	}
	f, ok := t.view.Flag(name)
	if !ok {
		d.fail(w, r, name, fault.NotFound("%s has no flag %s that this key sees", k.App, strconv.Quote(short(name))))
		return
	}
	var trail assign.Trail
	res := t.view.Flags.Eval(name, v, &trail)
	d.count(k, name, &res)
	placed := placedBy(name, trail.Exposures)
	d.expose(r, k, f, v, &res, placed)
	d.answer(w, r, t.evaluation(f, &res, placed))
}

// placedBy is the last experiment of a flag that placed the visitor, nil for none. It may have left the value to the rules behind it, as a ramp does for those who keep the old one.
func placedBy(flag string, exposures []assign.Assignment) *assign.Assignment {
	for i := len(exposures) - 1; i >= 0; i-- {
		if exposures[i].Flag == flag {
			return &exposures[i]
		}
	}
	return nil
}

// expose tells that the visitor is given a value which somebody asked for.
func (d *Door) expose(r *http.Request, k flag.Key, f *flag.Flag, v *assign.Visitor, res *assign.Result, placed *assign.Assignment) {
	if d.Expose == nil || placed == nil {
		return
	}
	id, _ := v.Attributes["targetingKey"].(string)
	if id == "" {
		id = placed.HashValue
	}
	d.Expose(expose.Exposure{
		Shown: capture.Shown{App: k.App, Environment: k.Environment, User: id, Flag: f.Name, Value: res.Value.JSON()}, Release: r.Header.Get("Slipway-Release"),
		Experiment: placed.Experiment.Key, Variation: placed.Key(),
	})
}

// bulk evaluates all flags.
func (d *Door) bulk(w http.ResponseWriter, r *http.Request) {
	k, err := d.ofrepKey(r)
	if err != nil {
		d.fail(w, r, "", err)
		return
	}
	v, context, err := subject(w, r)
	if err != nil {
		d.fail(w, r, "", err)
		return
	}
	t, err := d.current(r, k)
	if err != nil {
		d.fail(w, r, "", err)
		return
	}
	// The answer is that of the flags and of the visitor: clients keep their ETag when the visitor changes.
	sum := sha256.Sum256([]byte(t.id + "\x00" + k.ID + "\x00" + string(context)))
	etag := hex.EncodeToString(sum[:16])
	w.Header().Set("ETag", `"`+etag+`"`)
	if matches(r.Header.Get("If-None-Match"), etag) {
		w.Header().Set("Cache-Control", "no-cache")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	out := evaluations{
		Flags: make([]evaluation, 0, t.view.Flags.Len()), Metadata: map[string]string{"environment": k.Environment, "version": t.id},
		EventStreams: []eventStream{{"sse", at{"/ofrep/v1/streams/" + k.App + "/" + k.ID + "?since=" + t.id}, inactivity}},
	}
	var trail assign.Trail
	for name, res := range t.view.Flags.All(v, &trail) {
		f, _ := t.view.Flag(name) // the view has all that it evaluates
		d.count(k, name, &res)
		out.Flags = append(out.Flags, t.evaluation(f, &res, placedBy(name, trail.Exposures)))
		trail.Exposures = trail.Exposures[:0]
	}
	d.answer(w, r, out)
}

// subject reads the context: attributes of a visitor, whose targetingKey is also the id unless they have one. raw is the context as it came.
func subject(w http.ResponseWriter, r *http.Request) (v *assign.Visitor, raw json.RawMessage, err error) {
	body, err := object(w, r)
	if err != nil {
		return nil, nil, err
	}
	raw = body["context"]
	all, err := attributes(raw, "context")
	if err != nil {
		return nil, nil, err
	}
	if key, ok := all["targetingKey"]; ok && key != nil {
		if _, ok := key.(string); !ok {
			return nil, nil, fault.Invalid("context.targetingKey must be a string").At("context.targetingKey")
		}
		if _, ok := all["id"]; !ok {
			all["id"] = key
		}
	}
	return &assign.Visitor{Attributes: all}, raw, nil
}

// current gives what a key is told now. A client that heard of a change from another server is not answered with what was before it, if this one hears of it soon.
func (d *Door) current(r *http.Request, k flag.Key) (*told, error) {
	query := r.URL.Query()
	seen, at := strings.Trim(query.Get("flagConfigEtag"), `"`), moment(query.Get("flagConfigLastModified"))
	late := time.NewTimer(behindTime)
	defer late.Stop()
	for {
		set, gone, err := d.flags.Watch(r.Context(), k.App, k.Environment)
		if err != nil {
			return nil, err
		}
		t, err := d.told(set, k)
		if err != nil || t.id == seen || !set.Changed.Before(at) {
			return t, err
		}
		select {
		case <-gone:
		case <-late.C:
			return t, nil
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

// moment reads a time, in seconds or in ISO 8601; none where there is none.
func moment(s string) time.Time {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(n, 0)
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return at
}

// evaluation puts a result into OFREP's words. Whoever an experiment placed is told so, also where it left the value to other rules: both arms have to be told of.
func (t *told) evaluation(f *flag.Flag, r *assign.Result, placed *assign.Assignment) evaluation {
	e := evaluation{Key: f.Name, Reason: t.reason(f, r), Metadata: map[string]string{"source": r.Source.String()}}
	if r.Value.JSON() != "null" {
		value := r.Value
		e.Value = &value
	}
	if r.Rule != "" {
		e.Metadata["ruleId"] = r.Rule
	}
	switch {
	case r.Assignment.In:
		e.Variant = r.Assignment.Key()
		e.Metadata["experimentKey"] = r.Assignment.Experiment.Key
	case placed != nil:
		e.Variant = placed.Key()
		e.Metadata["experimentKey"] = placed.Experiment.Key
		e.Reason = "SPLIT"
	}
	return e
}

// reason is why it is this value, in the words that OFREP has. It has none for a default that no rule comes before: STATIC would let clients keep it for everybody.
func (t *told) reason(f *flag.Flag, r *assign.Result) string {
	decided, ruled := t.parts()[f.Name+"\x00"+r.Rule], r.Source == assign.Force || r.Source == assign.ByExperiment
	switch {
	case !f.States[t.env].On:
		return "DISABLED"
	case r.Source == assign.ByExperiment, ruled && decided:
		return "SPLIT"
	case ruled:
		return "TARGETING_MATCH"
	}
	if _, rules := t.parts()[f.Name]; r.Source == assign.DefaultValue && !rules {
		return "STATIC"
	}
	return "UNKNOWN"
}

// parts tells which flags have rules, and which of these, by their ids, give their value to a share of those whom they mean. Of rules that share an id, or have none, all must do so.
func parts(payload []byte) map[string]bool {
	var from struct {
		Features map[string]struct {
			Rules []struct {
				ID              string
				Force           json.RawMessage
				Coverage, Range json.RawMessage
			}
		}
	}
	out := map[string]bool{}
	if json.Unmarshal(payload, &from) != nil {
		return out // it was compiled; without this the reason says less
	}
	for name, f := range from.Features {
		for _, rule := range f.Rules {
			out[name] = true
			if len(rule.Force) == 0 {
				continue
			}
			at, part := name+"\x00"+rule.ID, !missing(rule.Coverage) || !missing(rule.Range)
			if before, ok := out[at]; ok {
				part = part && before
			}
			out[at] = part
		}
	}
	return out
}

// refetches is the stream of OFREP's clients, whose address is in the answer to all flags, with what these were. No address has the key: browsers cannot send it with a stream.
func (d *Door) refetches(w http.ResponseWriter, r *http.Request) {
	k, err := d.keyByID(r, r.PathValue("app"), r.PathValue("id"))
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = r.URL.Query().Get("since")
	}
	d.stream(w, r, k, last, func(t *told) frame { return t.refetch })
}

// keyByID finds a key that counts.
func (d *Door) keyByID(r *http.Request, app, id string) (flag.Key, error) {
	if sent, ok := d.ids.Load(id); ok {
		if k, ok := d.flags.Key(sent.(string)); ok && k.ID == id && k.App == app { //nolint:forcetypeassert // nothing else is in there
			return k, nil
		}
	}
	k, err := d.flags.FindKey(r.Context(), app, id)
	if fault.Is(err, fault.CodeNotFound) {
		return k, errKey
	}
	if err != nil {
		return k, err
	}
	d.ids.Store(id, k.Key)
	return d.key(k.Key)
}

// answer answers 200.
func (d *Door) answer(w http.ResponseWriter, r *http.Request, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		d.fail(w, r, "", err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(raw) // who does not listen any more needs no answer
}

// fail answers an error in OFREP's words.
func (d *Door) fail(w http.ResponseWriter, r *http.Request, name string, err error) {
	f := failure{Key: short(name), Details: fault.Message(err)}
	status := http.StatusInternalServerError
	var p *api.Problem
	switch {
	case errors.As(err, &p):
		status, f.Code, f.Details = http.StatusBadRequest, parseError, p.Detail
	case fault.Is(err, fault.CodeInvalid):
		status, f.Code = http.StatusBadRequest, invalidContext
	case fault.Is(err, fault.CodeNotFound):
		status, f.Code = http.StatusNotFound, flagNotFound
	case fault.Is(err, fault.CodeUnauthorized):
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Bearer realm="flags"`)
	case fault.Is(err, fault.CodeForbidden):
		status = http.StatusForbidden
	case r.Context().Err() == nil:
		d.log.Error("a flag is not evaluated", "path", r.Pattern, "error", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(f); err != nil {
		d.log.Debug("an answer is not read", "error", fmt.Errorf("write it: %w", err))
	}
}
