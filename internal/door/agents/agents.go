package agents

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/act/deploy"
	"github.com/slipwayhq/slipway/internal/act/traffic"
	"github.com/slipwayhq/slipway/internal/decide/fleet"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/wire"
)

// maxBody is how much an agent may say at once, in bytes: the report of a host with many releases.
const maxBody = 4 << 20

// Door answers agents.
type Door struct {
	Fleet   *fleet.Service
	Deploy  *deploy.Service
	Traffic *traffic.Service
	Logger  *slog.Logger
}

// Mount adds the door's paths.
func (d *Door) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST /agent/v1/join", d.join)
	mux.HandleFunc("POST /agent/v1/beat", d.as("", d.beat))
	mux.HandleFunc("GET /agent/v1/host/desired", d.as(wire.RoleHost, d.desired))
	mux.HandleFunc("POST /agent/v1/host/report", d.as(wire.RoleHost, d.report))
	mux.HandleFunc("GET /edge/v1/snapshot", d.as(wire.RoleEdge, d.snapshot))
}

// Agent tells which agent asks. It is what the other doors for agents authenticate by.
func (d *Door) Agent(r *http.Request) (fleet.Agent, error) {
	secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || secret == "" {
		return fleet.Agent{}, fault.Unauthorized("an agent sends its credential as \"Authorization: Bearer …\"")
	}
	return d.Fleet.Authenticate(r.Context(), secret)
}

// Roles tells which agent asks and what roles it plays, and notes that it lives. It has the form that Work takes.
func (d *Door) Roles(r *http.Request) (id string, roles []string, err error) {
	a, err := d.Agent(r)
	if err != nil {
		return "", nil, err
	}
	d.Fleet.Seen(a.ID, nil)
	return a.ID, a.Roles, nil
}

// as lets an agent with the role in (any agent when it is empty), notes that it lives, and answers errors.
func (d *Door) as(role string, fn func(http.ResponseWriter, *http.Request, fleet.Agent) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !d.speaks(w, r) {
			return
		}
		a, err := d.Agent(r)
		if err == nil && role != "" && !a.Has(role) {
			err = fault.Forbidden("the agent %s does not have the role %s", a.Name, role)
		}
		if err == nil {
			d.Fleet.Seen(a.ID, nil)
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			err = fn(w, r, a)
		}
		if err != nil {
			d.fail(w, r, err)
		}
	}
}

// speaks refuses a wire that is newer than this server's.
func (d *Door) speaks(w http.ResponseWriter, r *http.Request) bool {
	v, err := strconv.Atoi(r.Header.Get(wire.HeaderVersion))
	if err == nil && v <= wire.Version {
		return true
	}
	if r.Header.Get(wire.HeaderVersion) == "" {
		return true
	}
	api.WriteProblem(w, api.UpgradeRequired("this server speaks version "+strconv.Itoa(wire.Version)+" of the wire, and the agent a newer one; upgrade the server first"))
	return false
}

// fail answers a problem, as people get one: an agent's operator reads its words in the agent's log.
func (d *Door) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the agent hung up
	}
	if api.WriteProblem(w, err) >= http.StatusInternalServerError {
		d.Logger.Error("an agent's call failed", "path", r.URL.Path, "error", err)
	}
}

func read(r *http.Request, into any) error {
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return api.Malformed("the body is larger than " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes")
	}
	if err != nil {
		return api.Malformed("the body broke off")
	}
	if err := json.Unmarshal(body, into); err != nil {
		return api.Malformed("the body is not the JSON that belongs here")
	}
	return nil
}

func answer(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}

func (d *Door) join(w http.ResponseWriter, r *http.Request) {
	if !d.speaks(w, r) {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	var req wire.JoinRequest
	err := read(r, &req)
	if err == nil {
		var ans wire.JoinAnswer
		if ans, err = d.Fleet.Join(r.Context(), req); err == nil {
			err = answer(w, ans)
		}
	}
	if err != nil {
		d.fail(w, r, err)
	}
}

func (d *Door) beat(w http.ResponseWriter, r *http.Request, a fleet.Agent) error {
	var b wire.Beat
	if err := read(r, &b); err != nil {
		return err
	}
	d.Fleet.Seen(a.ID, b.Sample)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// after reads a generation from the query, 0 when it is not there.
func after(r *http.Request, name string) (int64, error) {
	v := r.URL.Query().Get(name)
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return 0, api.Malformed(name + " must be a number")
	}
	return n, nil
}

func (d *Door) desired(w http.ResponseWriter, r *http.Request, a fleet.Agent) error {
	gen, err := after(r, "after")
	if err != nil {
		return err
	}
	wish, ok, err := d.Deploy.Desired(r.Context(), a.ID, gen)
	if err != nil {
		return err
	}
	if !ok {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return answer(w, wish)
}

func (d *Door) report(w http.ResponseWriter, r *http.Request, a fleet.Agent) error {
	var rep wire.Report
	if err := read(r, &rep); err != nil {
		return err
	}
	if rep.Sample != nil {
		d.Fleet.Seen(a.ID, rep.Sample)
	}
	if err := d.Deploy.Report(r.Context(), a.ID, rep); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (d *Door) snapshot(w http.ResponseWriter, r *http.Request, a fleet.Agent) error {
	gen, err := after(r, "after")
	if err != nil {
		return err
	}
	applied, err := after(r, "applied")
	if err != nil {
		return err
	}
	snap, ok, err := d.Traffic.Snapshot(r.Context(), a.ID, gen, applied)
	if err != nil {
		return err
	}
	if !ok {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return answer(w, snap)
}
