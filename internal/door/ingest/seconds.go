package ingest

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"

	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Limits of one call.
const (
	maxBody    = 32 << 20 // bytes
	maxSeconds = 3600
)

// Seconds takes the seconds of edges and hosts.
type Seconds struct {
	Journal *journal.Journal
	// Agent tells which agent asks and what roles it plays.
	Agent  func(*http.Request) (id string, roles []string, err error)
	Logger *slog.Logger
}

// source is a kind of program that sends seconds.
type source struct {
	role, subject string
	forbidden     string
	// read gives who a second is of, and whether it has a number.
	read func(raw json.RawMessage) (sender string, numbered bool, err error)
}

// Mount adds the door's paths.
func (s Seconds) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST /edge/v1/seconds", s.take(source{wire.RoleEdge, "edge", "only edges send seconds here", func(raw json.RawMessage) (string, bool, error) {
		var sec event.EdgeSecond
		err := json.Unmarshal(raw, &sec)
		return sec.Edge, sec.Boot != "" && sec.Number > 0, err
	}}))
	mux.HandleFunc("POST /agent/v1/host/seconds", s.take(source{wire.RoleHost, "host", "only hosts send seconds here", func(raw json.RawMessage) (string, bool, error) {
		var sec event.HostSecond
		err := json.Unmarshal(raw, &sec)
		return sec.Agent, sec.Boot != "" && sec.Number > 0, err
	}}))
}

// take answers 204 once all seconds are on disk.
func (s Seconds) take(from source) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, roles, err := s.Agent(r)
		if err == nil && !slices.Contains(roles, from.role) {
			err = fault.Forbidden("%s", from.forbidden)
		}
		var batch [][]byte
		if err == nil {
			batch, err = from.list(http.MaxBytesReader(w, r.Body, maxBody), id)
		}
		if err == nil && len(batch) > 0 {
			err = s.Journal.Append(r.Context(), from.subject, batch...)
		}
		if err != nil {
			s.fail(w, r, from, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// list checks that what came are the sender's own seconds, so that none can speak for another.
func (from source) list(body io.Reader, id string) ([][]byte, error) {
	var list []json.RawMessage
	if err := json.NewDecoder(body).Decode(&list); err != nil {
		return nil, fault.Invalid("the body is not a list of seconds").Because(err)
	}
	if len(list) > maxSeconds {
		return nil, fault.Invalid("at most %d seconds at once", maxSeconds)
	}
	batch := make([][]byte, 0, len(list))
	for i, raw := range list {
		sender, numbered, err := from.read(raw)
		if err != nil {
			return nil, fault.Invalid("second %d of the list cannot be read", i+1).Because(err)
		}
		if sender != id || !numbered {
			return nil, fault.Invalid("second %d of the list is not this %s's, or has no number", i+1, from.role)
		}
		batch = append(batch, raw)
	}
	return batch, nil
}

func (s Seconds) fail(w http.ResponseWriter, r *http.Request, from source, err error) {
	if r.Context().Err() != nil {
		return // the sender hung up, and will send them again
	}
	if fault.Is(err, fault.CodeInvalid) {
		err = api.Malformed(fault.Message(err))
	}
	if api.WriteProblem(w, err) >= http.StatusInternalServerError {
		s.Logger.Error("seconds are not kept; they will be sent again", "of", from.role, "error", err)
	}
}
