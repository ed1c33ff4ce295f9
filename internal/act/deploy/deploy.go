package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/vault"
	"github.com/slipwayhq/slipway/internal/wire"
)

// lock is held by all that changes wishes or takes answers to them: an answer must not be noted for a wish that came in between.
const lock = "deploy"

// Service is the slice as the doors see it.
type Service struct {
	db    *db.DB
	j     *journal.Journal
	vault *vault.Vault
	log   *slog.Logger

	changed db.Signal // when any wish changes

	mu   sync.Mutex
	last map[string][]byte // host → the report that is stored, to skip repeats
}

// New makes the slice. Run it too.
func New(d *db.DB, j *journal.Journal, v *vault.Vault, log *slog.Logger) *Service {
	return &Service{db: d, j: j, vault: v, log: log, last: map[string][]byte{}}
}

// Desired gives the host's wish when its generation is beyond after, waiting up to wire.PollTime for that; ok is false when there is nothing new.
func (s *Service) Desired(ctx context.Context, host string, after int64) (d wire.Desired, ok bool, err error) {
	ok, err = s.db.Poll(ctx, &s.changed, wire.PollTime, func() (bool, error) {
		gen, err := generation(ctx, s.db, host)
		return gen != after && gen > 0, err
	})
	if err != nil || !ok {
		return d, false, err
	}
	d, err = s.desired(ctx, host)
	return d, err == nil, err
}

// desired puts a host's wish together. The generation is read first: if a change comes between, the host asks again and gets it.
func (s *Service) desired(ctx context.Context, host string) (wire.Desired, error) {
	gen, err := generation(ctx, s.db, host)
	if err != nil {
		return wire.Desired{}, err
	}
	rows, err := selectDesired(ctx, s.db, host)
	if err != nil {
		return wire.Desired{}, err
	}
	d := wire.Desired{Generation: gen}
	for _, r := range rows {
		env := wire.DesiredEnv{App: r.app, Env: r.env, Deploy: r.deploy, Run: r.run, Starts: r.starts, Current: r.current}
		for _, release := range r.hold {
			held, err := s.held(ctx, release)
			if err != nil {
				return d, err
			}
			held.Environ = append(held.Environ, "SLIPWAY_HOST="+host)
			env.Hold = append(env.Hold, held)
		}
		d.Environments = append(d.Environments, env)
	}
	return d, nil
}

// held is a release as a host needs it.
func (s *Service) held(ctx context.Context, id string) (wire.HeldRelease, error) {
	r, err := releaseByID(ctx, s.db, id)
	if err != nil {
		return wire.HeldRelease{}, err
	}
	var m manifest.Manifest
	if err := json.Unmarshal([]byte(r.manifest), &m); err != nil {
		return wire.HeldRelease{}, fmt.Errorf("read the manifest of release %s: %w", id, err)
	}
	env, err := s.vault.Environ(ctx, s.db, r.app, r.env, r.config)
	if err != nil {
		return wire.HeldRelease{}, err
	}
	h := wire.HeldRelease{
		Release: id, Artifact: r.artifact, Size: r.size, Processes: map[string]wire.ProcessSpec{},
		Environ: append(env, "SLIPWAY_RELEASE="+id, "SLIPWAY_APP="+r.app, "SLIPWAY_ENVIRONMENT="+r.env),
	}
	if web, ok := m.Processes[manifest.WebProcess]; ok {
		h.Processes[manifest.WebProcess] = wire.ProcessSpec{
			Run: web.Run, Health: web.Health, StartTimeout: web.StartTimeout.Duration, StopTimeout: web.StopTimeout.Duration,
		}
	}
	return h, nil
}

// Report takes what a host holds and runs, and tells what is new in it.
func (s *Service) Report(ctx context.Context, host string, rep wire.Report) error {
	rep.Sample = nil
	body, err := json.Marshal(rep)
	if err != nil {
		return fmt.Errorf("encode the report of host %s: %w", host, err)
	}
	s.mu.Lock()
	same := bytes.Equal(s.last[host], body) && !s.db.Shared() // another server may have heard something else meanwhile
	s.mu.Unlock()
	if same {
		return nil
	}
	if err := s.conceal(ctx, rep); err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := s.takeReport(ctx, tx, host, rep); err != nil {
			return err
		}
		tx.OnCommit(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.last[host] = body
		})
		return nil
	})
	if err != nil {
		return fmt.Errorf("take the report of host %s: %w", host, err)
	}
	return nil
}

func (s *Service) takeReport(ctx context.Context, tx *db.Tx, host string, rep wire.Report) error {
	if err := tx.Lock(ctx, lock); err != nil {
		return err
	}
	desired, err := selectDesired(ctx, tx, host)
	if err != nil {
		return err
	}
	known, err := selectProcesses(ctx, tx, host)
	if err != nil {
		return err
	}
	reported := map[envKey]wire.ReportEnv{}
	for _, e := range rep.Environments {
		reported[envKey{e.App, e.Env}] = e
	}
	for k := range known { // what the host does not name any more is gone
		if _, ok := reported[k]; !ok {
			reported[k] = wire.ReportEnv{App: k.app, Env: k.env}
		}
	}
	rows := map[envKey]desiredRow{}
	for _, r := range desired {
		rows[envKey{r.app, r.env}] = r
	}
	for k, e := range reported {
		if err := takeEnv(ctx, tx, host, k, e, rows[k], known[k]); err != nil {
			return err
		}
	}
	return nil
}

// takeEnv stores and tells what is new for one environment on one host.
func takeEnv(ctx context.Context, tx *db.Tx, host string, k envKey, rep wire.ReportEnv, row desiredRow, known []process) error {
	changed, applied, failed := judgeReport(host, rep, row, known)
	m := event.Meta{App: k.app, Env: k.env, Actor: "agent:" + host, Cause: row.cause}
	for _, c := range changed {
		if err := putProcess(ctx, tx, k, c); err != nil {
			return err
		}
		if _, err := tx.Emit(ctx, m, c); err != nil {
			return err
		}
	}
	if row.deploy == "" {
		return nil
	}
	switch {
	case applied:
		if _, err := tx.Emit(ctx, m, event.DeployApplied{Deploy: row.deploy, Host: host}); err != nil {
			return err
		}
		return setAnswer(ctx, tx, host, k, answerApplied)
	case failed != nil:
		if _, err := tx.Emit(ctx, m, *failed); err != nil {
			return err
		}
		return setAnswer(ctx, tx, host, k, failed.Code+": "+failed.Text)
	}
	return nil
}

// Process is a process on a host, for the pages.
type Process struct {
	Host     string    `json:"host"`
	App      string    `json:"app"`
	Env      string    `json:"environment"`
	Release  string    `json:"release"`
	Process  string    `json:"process"`
	State    string    `json:"process_state"`
	Addr     string    `json:"addr,omitempty"`
	Restarts int       `json:"restarts"`
	Text     string    `json:"text,omitempty"`
	Since    time.Time `json:"since"`
}

// Processes lists all processes that are known, by host.
func (s *Service) Processes(ctx context.Context) ([]Process, error) {
	return selectAllProcesses(ctx, s.db)
}

// Held lists the artifacts that some host holds or should hold: nothing of it may be deleted.
func (s *Service) Held(ctx context.Context) (map[string]bool, error) { return selectHeld(ctx, s.db) }
