package host

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

// sender lets an app send lines: to where its environment says, or to an address; from one socket for each.
func sender() http.HandlerFunc {
	var conns sync.Map
	return func(w http.ResponseWriter, r *http.Request) {
		to := r.URL.Query().Get("to")
		if to == "" {
			to = net.JoinHostPort(os.Getenv("DD_AGENT_HOST"), os.Getenv("DD_DOGSTATSD_PORT"))
		}
		conn, ok := conns.Load(to)
		if !ok {
			c, err := net.Dial("udp", to)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			conn, _ = conns.LoadOrStore(to, c)
		}
		if _, err := fmt.Fprint(conn.(net.Conn), r.URL.Query().Get("line")); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
}

func (s *server) takeSeconds(w http.ResponseWriter, r *http.Request) {
	var list []event.HostSecond
	if err := json.NewDecoder(r.Body).Decode(&list); err != nil {
		s.t.Error(err)
	}
	status := http.StatusNoContent
	s.change(func() {
		if s.refuse != 0 {
			status = s.refuse
			return
		}
		s.seconds = append(s.seconds, list...)
	})
	w.WriteHeader(status)
}

// has gives the seconds that came, once they satisfy ok. One that came twice is one: an agent that ends may send what an answer was on its way for again.
func (s *server) has(what string, ok func([]event.HostSecond) bool) (list []event.HostSecond) {
	s.t.Helper()
	s.until(what, func(wire.Report) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		list = nil
		came := map[string]bool{}
		for _, sec := range s.seconds {
			if !came[sec.Key()] {
				came[sec.Key()] = true
				list = append(list, sec)
			}
		}
		return ok(list)
	})
	return list
}

// sum adds up what came of a counter, of a release; of nobody where it is empty.
func sum(list []event.HostSecond, release, name string) (total float64) {
	for _, sec := range list {
		metrics := sec.Unattributed
		for _, r := range sec.Releases {
			if release != "" && r.Release == release {
				metrics = r.Metrics
			}
		}
		for _, m := range metrics {
			if m.Name == name {
				total += m.Sum
			}
		}
	}
	return total
}

// gapless tells what is wrong with the numbers of seconds.
func gapless(list []event.HostSecond) string {
	last := map[string]int64{}
	for _, sec := range list {
		if sec.Agent != "agt_h" || sec.Number != last[sec.Boot]+1 {
			return fmt.Sprintf("second %s follows %d", sec.Key(), last[sec.Boot])
		}
		last[sec.Boot] = sec.Number
	}
	return ""
}

// statsdOn is a sink at any port. The port is told by at, once the host runs.
func statsdOn(o *Options) { o.Statsd = "127.0.0.1:0" }

// run lets releases run, and gives their addresses.
func (s *server) run(releases ...wire.HeldRelease) (addrs []string) {
	s.t.Helper()
	var names []string
	for _, r := range releases {
		names = append(names, r.Release)
	}
	s.wish(wire.DesiredEnv{Hold: releases, Run: names})
	for _, name := range names {
		addrs = append(addrs, web(s.until(name+" is up", isState(name, wire.ProcessUp)), name).Addr)
	}
	return addrs
}

func (s *server) send(addr, query string) {
	s.t.Helper()
	response, err := s.http.Client().Get("http://" + addr + "/statsd?" + query)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		s.t.Fatalf("the app cannot send: %s", response.Status)
	}
}

// TestWhatReleasesSendReachesTheServerAsTheirs: two releases beside each other, each by the port that its environment names, and by the common one, where the kernel knows who sends. Of each
// it is told what its processes use.
func TestWhatReleasesSendReachesTheServerAsTheirs(t *testing.T) {
	s := newServer(t)
	common := freeUDP(t)
	s.hostIn(t.TempDir(), func(o *Options) { o.Statsd = common })
	addrs := s.run(s.release("rel_1", "well"), s.release("rel_2", "well"))
	s.send(addrs[0], "line=orders:2|c")
	s.send(addrs[1], "line=orders:5|c")
	s.send(addrs[1], "line=orders:0|c|%23release:rel_1")
	list := s.has("both releases' orders", func(list []event.HostSecond) bool {
		return sum(list, "rel_1", "orders") == 2 && sum(list, "rel_2", "orders") == 5
	})
	if why := gapless(list); why != "" {
		t.Error(why)
	}
	s.has("the kernel's word on who sends to the common port", func(list []event.HostSecond) bool {
		s.send(addrs[0], "line=first:1|c&to="+common)
		s.send(addrs[1], "line=second:1|c&to="+common)
		return sum(list, "rel_1", "first") > 0 && sum(list, "rel_2", "second") > 0
	})
	list = s.has("what the processes use", func(list []event.HostSecond) bool {
		last := list[len(list)-1]
		return last.Host != nil && len(last.Releases) == 2 && last.Releases[0].Use != nil && last.Releases[1].Use != nil
	})
	if sum(list, "rel_1", "second")+sum(list, "rel_2", "first") != 0 {
		t.Errorf("what one sent is taken for the other's: %+v", list)
	}
	last := list[len(list)-1]
	for _, r := range last.Releases {
		if u := r.Use; r.App != "shop" || r.Env != "production" || u.Processes < 1 || u.Memory < 1<<20 || u.CPU < 0 {
			t.Errorf("%+v uses %+v", r, u)
		}
	}
	if h := last.Host; h.MemTotal <= 0 || h.MemUsed <= 0 || h.CPU < 0 || h.CPU > 1 {
		t.Errorf("the host is %+v", h)
	}
}

// freeUDP is an address on loopback where nobody listens.
func freeUDP(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().String()
}

// TestAProcessKeepsItsSocketOverARestartOfTheAgent: it was told of it once.
func TestAProcessKeepsItsSocketOverARestartOfTheAgent(t *testing.T) {
	s, dir := newServer(t), t.TempDir()
	untied := func(o *Options) { o.Tied = false; statsdOn(o) }
	endStrays(t, dir)
	stop := s.hostIn(dir, untied)
	addr := s.run(s.release("rel_1", "well"))[0]
	s.send(addr, "line=orders:1|c")
	s.has("the first order", func(list []event.HostSecond) bool { return sum(list, "rel_1", "orders") == 1 })
	stop()
	s.change(func() { s.report = wire.Report{} })
	stop = s.hostIn(dir, untied)
	s.until("adopted", isState("rel_1", wire.ProcessUp))
	s.has("an order after the restart", func(list []event.HostSecond) bool {
		if response, err := s.http.Client().Get("http://" + addr + "/statsd?line=orders:1|c"); err == nil { // the first to a port that was closed is refused
			_ = response.Body.Close()
		}
		return sum(list, "rel_1", "orders") > 1
	})
	boots := map[string]bool{}
	for _, sec := range s.has("all", func([]event.HostSecond) bool { return true }) {
		boots[sec.Boot] = true
	}
	if len(boots) != 2 {
		t.Errorf("two agents had %d boots", len(boots))
	}
	s.wish(wire.DesiredEnv{})
	s.until("stopped", isState("rel_1", ""))
	stop()
}

// TestSecondsWaitForTheServer: while it does not take them, nor knows of them, they are kept, also over a restart of the agent, and each comes once and in order.
func TestSecondsWaitForTheServer(t *testing.T) {
	s, dir := newServer(t), t.TempDir()
	for i, status := range []int{http.StatusServiceUnavailable, http.StatusNotFound} { // as a server of the version before answers
		s.change(func() { s.refuse = status })
		stop := s.hostIn(dir, statsdOn)
		addr := s.run(s.release("rel_1", "well"))[0]
		tries := 0
		s.until("seconds are refused", func(wire.Report) bool { tries++; return tries > 1 })
		s.send(addr, "line=orders:1|c")
		stop()
		s.change(func() { s.report = wire.Report{}; s.refuse = 0 })
		stop = s.hostIn(dir, statsdOn)
		list := s.has("the order of before", func(list []event.HostSecond) bool { return sum(list, "rel_1", "orders") == float64(i+1) })
		if why := gapless(list); why != "" {
			t.Error(why)
		}
		s.wish(wire.DesiredEnv{})
		stop()
	}
}

// TestAForeignSinkIsLeftWhatItHad: where another program has the port, the host says so, goes on, and tells no process to send elsewhere.
func TestAForeignSinkIsLeftWhatItHad(t *testing.T) {
	foreign, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	s := newServer(t)
	var log syncBuffer
	s.hostIn(t.TempDir(), func(o *Options) {
		o.Statsd = foreign.LocalAddr().String()
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	addr := s.run(s.release("rel_1", "well"))[0]
	if env := get(t, addr, "/env"); strings.Contains(env, "STATSD") || strings.Contains(env, "DD_AGENT") {
		t.Errorf("the process is told to send elsewhere:\n%s", env)
	}
	if !strings.Contains(log.String(), "apps cannot send statsd to this agent") || !strings.Contains(log.String(), "address already in use") {
		t.Errorf("nothing of it is told:\n%s", log.String())
	}
	s.has("what the process uses", func(list []event.HostSecond) bool {
		return len(list) > 0 && list[len(list)-1].Releases[0].Use != nil
	})
}

type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestWhatTheUserHasSetStays: whoever names another sink of a family means it.
func TestWhatTheUserHasSetStays(t *testing.T) {
	const at = 20123
	dd, plain := []string{"DD_AGENT_HOST=127.0.0.1", "DD_DOGSTATSD_PORT=20123"}, []string{"STATSD_HOST=127.0.0.1", "STATSD_PORT=20123", "STATSD_ADDR=127.0.0.1:20123"}
	for given, want := range map[string][]string{
		"":                                 slices.Concat(dd, plain),
		"A=1 XDD_AGENT_HOST=b":             slices.Concat(dd, plain),
		"DD_AGENT_HOST=10.0.0.9":           plain,
		"DD_DOGSTATSD_URL=unix:///x":       plain,
		"DD_DOGSTATSD_SOCKET=":             plain,
		"STATSD_ADDR=10.0.0.9:8125":        dd,
		"STATSD_PORT=9125 DD_AGENT_HOST=a": nil,
	} {
		if got := statsdEnviron(strings.Fields(given), at); !slices.Equal(got, want) {
			t.Errorf("with %q: %v, want %v", given, got, want)
		}
	}
	if got := statsdEnviron(nil, 0); got != nil {
		t.Errorf("without a port: %v", got)
	}
}

// TestStatsdPortsAreTheProcessesOwn: two never share one, and what is given up can be had again.
func TestStatsdPortsAreTheProcessesOwn(t *testing.T) {
	s := newServer(t)
	s.hostIn(t.TempDir(), statsdOn)
	ports := func(addrs []string) (list []string) {
		for _, addr := range addrs {
			for line := range strings.Lines(get(t, addr, "/env")) {
				if port, ok := strings.CutPrefix(strings.TrimSpace(line), "DD_DOGSTATSD_PORT="); ok {
					list = append(list, port)
				}
			}
		}
		return list
	}
	one, two := s.release("rel_1", "well"), s.release("rel_2", "well")
	got := ports(s.run(one, two))
	if len(got) != 2 || got[0] == got[1] {
		t.Fatalf("the ports are %v", got)
	}
	if n, err := strconv.Atoi(got[0]); err != nil || n < 20000 || n > 29999 || udpFree(n) {
		t.Errorf("port %s: %v", got[0], err)
	}
	s.run(two)
	s.until("the first is gone", isState("rel_1", ""))
	n, _ := strconv.Atoi(got[0])
	eventually(t, "its port is free", func() bool { return udpFree(n) })
	if again := ports(s.run(two)); again[0] != got[1] {
		t.Errorf("the second has port %v, before %s", again, got[1])
	}
}

// TestDropsAreToldOnceAMinute, all reasons together; what is only not used is none.
func TestDropsAreToldOnceAMinute(t *testing.T) {
	var log syncBuffer
	now := time.Now()
	m := &meter{dropped: map[string]int64{}, told: now, host: &Host{o: Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), Clock: func() time.Time { return now }}}}
	m.warn(&event.StatsdCount{Dropped: map[string]int64{"names": 2, "event": 7}})
	if log.String() != "" {
		t.Errorf("told at once: %s", log.String())
	}
	now = now.Add(time.Minute)
	m.warn(&event.StatsdCount{Dropped: map[string]int64{"names": 3, "kernel": 1}})
	if got := log.String(); !strings.Contains(got, "kernel=1 names=5") || strings.Contains(got, "event") || !strings.Contains(got, "was not used") {
		t.Errorf("after a minute is told: %s", got)
	}
	now = now.Add(time.Hour)
	m.warn(nil)
	m.warn(&event.StatsdCount{Dropped: map[string]int64{"event": 7}})
	if got := log.String(); strings.Count(got, "\n") != 1 {
		t.Errorf("told again: %s", got)
	}
}
