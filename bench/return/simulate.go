package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/wire"
)

// What the process with the simulated hosts is started with.
const (
	serverVariable = "BENCH_SERVER"
	joinVariable   = "BENCH_JOIN"
	hostsVariable  = "BENCH_HOSTS"
	listenVariable = "BENCH_LISTEN"
	dirVariable    = "BENCH_DIR"
)

// standing is how many hosts run a release, by what they were told and by what the server knows.
type standing struct {
	Told         int       `json:"told"`
	Reported     int       `json:"reported"`
	LastTold     time.Time `json:"last_told"`     // when the last one was told to stop it
	LastReported time.Time `json:"last_reported"` // when the server had acknowledged the last one's report of that
}

// simulation is all hosts.
type simulation struct {
	mu     sync.Mutex
	by     map[string]standing
	joined int
	first  *host // the one that can crash
}

// host is one simulated host.
type host struct {
	sim    *simulation
	client *client.Client
	name   string

	mu      sync.Mutex
	wish    wire.Desired
	told    []string // releases that it should run
	known   []string // of which the server knows that it runs them
	crashed string   // a release that it says has died
}

// simulate is the main function of the process with the hosts.
func simulate(server string) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	n, err := strconv.Atoi(os.Getenv(hostsVariable))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s := &simulation{by: map[string]standing{}}
	control := &http.Server{Addr: os.Getenv(listenVariable), Handler: s.control(ctx)}
	var all sync.WaitGroup
	all.Go(func() { fmt.Fprintln(os.Stderr, control.ListenAndServe()) })
	slots := make(chan struct{}, 8) // so many join at once
	for i := range n {
		h := &host{sim: s, name: fmt.Sprintf("sim-%03d", i+1)}
		if i == 0 {
			s.first = h
		}
		all.Go(func() {
			if err := h.run(ctx, server, slots); err != nil && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, err)
			}
		})
	}
	<-ctx.Done()
	_ = control.Close() // the process ends
	all.Wait()
}

// control answers the benchmark.
func (s *simulation) control(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /joined", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		_, _ = fmt.Fprintln(w, s.joined) // who asks is there
	})
	mux.HandleFunc("GET /standing", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		_ = json.NewEncoder(w).Encode(s.by[r.URL.Query().Get("release")]) // who asks is there
	})
	mux.HandleFunc("POST /crash", func(w http.ResponseWriter, r *http.Request) {
		s.first.mu.Lock()
		s.first.crashed = r.URL.Query().Get("release")
		s.first.mu.Unlock()
		if err := s.first.report(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
	return mux
}

// run joins, and then does what the server wishes.
func (h *host) run(ctx context.Context, server string, slots chan struct{}) error {
	c, err := client.New(client.Options{Server: server, Token: os.Getenv(joinVariable), Dir: filepath.Join(os.Getenv(dirVariable), h.name), Version: "bench"})
	if err != nil {
		return err
	}
	defer c.Close()
	h.client = c
	slots <- struct{}{}
	_, err = c.Join(ctx, wire.JoinRequest{Name: h.name, Roles: []string{wire.RoleHost}, Addr: "127.0.0.1"})
	<-slots
	if err != nil {
		return err
	}
	h.sim.mu.Lock()
	h.sim.joined++
	h.sim.mu.Unlock()
	var beats sync.WaitGroup
	defer beats.Wait()
	beats.Go(func() { h.beat(ctx) })
	for ctx.Err() == nil {
		d, err := c.Desired(ctx, h.generation())
		if err != nil {
			return err
		}
		if d == nil {
			continue
		}
		h.take(*d)
		if err := h.report(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (h *host) beat(ctx context.Context) {
	tick := time.NewTicker(wire.BeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = h.client.Beat(ctx, wire.Beat{Sample: &wire.Sample{Time: time.Now()}}) // the next one follows soon
		case <-ctx.Done():
			return
		}
	}
}

func (h *host) generation() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.wish.Generation
}

// take makes a wish the present one.
func (h *host) take(d wire.Desired) {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	var run []string
	for _, e := range d.Environments {
		run = append(run, e.Run...)
	}
	h.sim.count(h.told, run, func(s *standing, by int) {
		if s.Told += by; by < 0 {
			s.LastTold = now
		}
	})
	h.wish, h.told = d, run
}

// report says that everything wished for is so.
func (h *host) report(ctx context.Context) error {
	h.mu.Lock()
	r := wire.Report{Generation: h.wish.Generation}
	run := h.told
	for _, e := range h.wish.Environments {
		r.Environments = append(r.Environments, h.environment(e))
	}
	h.mu.Unlock()
	if err := h.client.Report(ctx, r); err != nil {
		return err
	}
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sim.count(h.known, run, func(s *standing, by int) {
		if s.Reported += by; by < 0 {
			s.LastReported = now
		}
	})
	h.known = run
	return nil
}

// deaths is how often a crashed process is said to have died: as often as makes a crash loop.
const deaths = 3

func (h *host) environment(e wire.DesiredEnv) wire.ReportEnv {
	out := wire.ReportEnv{App: e.App, Env: e.Env, Deploy: e.Deploy, Converged: true, Current: e.Current}
	for _, held := range e.Hold {
		release := wire.ReportRelease{Release: held.Release, State: wire.ReleaseStaged}
		if slices.Contains(e.Run, held.Release) {
			p := wire.ReportProcess{Process: "web", State: wire.ProcessUp, Addr: "127.0.0.1:9"}
			if held.Release == h.crashed {
				p = wire.ReportProcess{Process: "web", State: wire.ProcessCrashed, Restarts: deaths, Text: "exit status 2"}
			}
			release.Processes = append(release.Processes, p)
		}
		out.Releases = append(out.Releases, release)
	}
	return out
}

// count changes the standing of the releases that are in one list and not in the other.
func (s *simulation) count(before, after []string, change func(s *standing, by int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add := func(release string, by int) {
		st := s.by[release]
		change(&st, by)
		s.by[release] = st
	}
	for _, release := range before {
		if !slices.Contains(after, release) {
			add(release, -1)
		}
	}
	for _, release := range after {
		if !slices.Contains(before, release) {
			add(release, 1)
		}
	}
}
