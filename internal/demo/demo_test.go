package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/examples"
	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Both paces must fit the shop's manifest as it is, and be manifests that a push accepts.
func TestPacesAreManifests(t *testing.T) {
	for name, p := range map[string]pace{"watched": watched(), "hurried": hurried()} {
		dir := t.TempDir()
		if err := examples.WriteShop(dir); err != nil {
			t.Fatal(err)
		}
		if err := p.set(dir); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, ".slipway.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		m, problems := manifest.Parse(text)
		if problems != nil {
			t.Fatalf("%s:\n%s", name, problems.Text())
		}
		if last := m.Rollout.Steps[len(m.Rollout.Steps)-1]; last.Share != 1 || last.HoldBack == 0 || m.Rollout.Unknown != "wait" {
			t.Errorf("%s ends with %+v, unknown %s", name, last, m.Rollout.Unknown)
		}
		if len(m.Assets) == 0 || len(m.Tests) == 0 {
			t.Errorf("%s lost what follows or precedes the rollout: %s", name, text)
		}
	}
}

func TestAManifestWithoutRolloutIsToldOf(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".slipway.yaml"), []byte("app: shop\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := hurried().set(dir); err == nil {
		t.Error("no error")
	}
}

func TestSummaryIsOKOnlyWhenAllWentWell(t *testing.T) {
	well := Summary{
		Good: Good{Verdict: "healthy", Outcome: "promoted"}, Bad: Bad{Verdict: "regressed", Outcome: "rolled_back"}, Requests: 100,
	}
	for what, spoil := range map[string]func(*Summary){
		"":              func(*Summary) {},
		"good verdict":  func(s *Summary) { s.Good.Verdict = "unknown" },
		"good outcome":  func(s *Summary) { s.Good.Outcome = "rolled_back" },
		"bad verdict":   func(s *Summary) { s.Bad.Verdict = "unknown" },
		"bad outcome":   func(s *Summary) { s.Bad.Outcome = "promoted" },
		"a lost one":    func(s *Summary) { s.Lost = 1 },
		"nobody visits": func(s *Summary) { s.Requests = 0 },
	} {
		s := well
		spoil(&s)
		s.judge()
		if s.OK != (what == "") {
			t.Errorf("%q: ok is %v", what, s.OK)
		}
	}
}

// The summary's JSON is a promise: these keys, in this order.
func TestSummaryAsJSON(t *testing.T) {
	s := Summary{
		Good: Good{"healthy", "promoted", 5000}, Bad: Bad{"regressed", "rolled_back", "errors", 3.5, 42}, Requests: 20000,
	}
	s.judge()
	var out bytes.Buffer
	(&Programs{Out: &out}).Sum(s)
	want := `{"type":"summary","good":{"verdict":"healthy","outcome":"promoted","requests":5000},` +
		`"bad":{"verdict":"regressed","outcome":"rolled_back","vital":"errors","seconds_to_detect":3.5,"bad_requests":42},"requests":20000,"lost_requests":0,"ok":true}` + "\n"
	if out.String() != want {
		t.Errorf("got  %swant %s", out.String(), want)
	}
}

// story plays events to a shipment, a second apart, and gives what was told.
func story(t *testing.T, sh *shipment, payloads ...event.Payload) []Scene {
	t.Helper()
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var scenes []Scene
	for _, p := range payloads {
		ev, err := event.New(event.Meta{App: appName, Time: at}, p)
		if err != nil {
			t.Fatal(err)
		}
		told, err := sh.see(ev)
		if err != nil {
			t.Fatal(err)
		}
		scenes = append(scenes, told...)
		at = at.Add(time.Second)
	}
	return scenes
}

const commit = "0123456789abcdef0123456789abcdef01234567"

func TestAShipmentIsFollowedToItsEnd(t *testing.T) {
	sh := newShipment("bad", commit, "Harbour week", "http://127.0.0.1:7070")
	scenes := story(t, sh,
		event.GitPushed{Branch: "main", After: commit, Commits: []event.Commit{{SHA: commit, Author: "Ben"}}},
		event.BuildQueued{Build: "bld_other", Head: "another commit"},
		event.BuildQueued{Build: "bld_1", Number: 3, Head: commit},
		event.BuildStarted{Build: "bld_1"},
		event.BuildPassed{Build: "bld_other"},
		event.BuildPassed{Build: "bld_1", Size: 7_000_000},
		event.ReleaseCreated{Release: "rel_1", Build: "bld_1"},
		event.RolloutQueued{Rollout: "rol_1", Number: 3, Release: "rel_1"},
		event.RolloutMoved{Rollout: "rol_1", To: "shifting", Share: 0.5},
		event.RolloutEnded{Rollout: "rol_other", Outcome: "promoted"},
		event.RolloutJudged{Rollout: "rol_1", Verdict: "regressed", Reasons: []event.Reason{{Text: "errors: 4 times"}}},
		event.RolloutMoved{Rollout: "rol_1", To: "returning", Reasons: []event.Reason{{Text: "errors: 4 times"}}},
		event.RolloutEnded{Rollout: "rol_1", Outcome: "rolled_back", Verdict: "regressed", Vital: "errors"},
	)
	if !sh.over() || sh.ended == nil || sh.ended.Outcome != "rolled_back" || sh.release != "rel_1" {
		t.Fatalf("ended as %+v", sh)
	}
	if got := sh.detection(); got != 2 {
		t.Errorf("detected after %g s, want 2: from the shift to the verdict", got)
	}
	if got := sh.stages(); got["started"] != 3 || got["ended"] != 12 {
		t.Errorf("stages: %v", got)
	}
	var text strings.Builder
	for _, s := range scenes {
		text.WriteString(s.Text + "\n")
		if s.Story != "bad" {
			t.Errorf("of no story: %+v", s)
		}
	}
	for _, want := range []string{`Ben pushed 01234567 "Harbour week"`, "/apps/shop/builds/bld_1", "/apps/shop/rollouts/rol_1", "7.0 MB", "50 %", "errors: 4 times", "rolled back"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not told in\n%s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "other") {
		t.Errorf("tells of others:\n%s", text.String())
	}
}

// A first release has no old one beside it, and nothing is told of one.
func TestAFirstReleaseIsAlone(t *testing.T) {
	for from, alone := range map[string]bool{"": true, "rel_0": false} {
		sh := newShipment("first", commit, "A small shop", "http://127.0.0.1:7070")
		scenes := story(t, sh,
			event.BuildQueued{Build: "bld_1", Head: commit}, event.ReleaseCreated{Release: "rel_1", Build: "bld_1"},
			event.RolloutQueued{Rollout: "rol_1", Release: "rel_1"}, event.RolloutStarted{Rollout: "rol_1", Release: "rel_1", From: from},
			event.RolloutMoved{Rollout: "rol_1", To: "starting"}, event.RolloutMoved{Rollout: "rol_1", To: "shifting", Share: 1})
		told := false
		for _, s := range scenes {
			told = told || strings.Contains(s.Text, "old release")
		}
		if told == alone {
			t.Errorf("from %q: %+v", from, scenes)
		}
	}
}

// heard keeps what was told.
type heard struct{ scenes []Scene }

func (h *heard) Tell(s Scene) { h.scenes = append(h.scenes, s) }

// After the story the branch holds what serves: a visitor's own commit is not undone for the fault of the bad one.
func TestTheBadCommitIsTakenBack(t *testing.T) {
	w, err := newWorktree(t.Context(), filepath.Join(t.TempDir(), "shop"), "http://127.0.0.1:1/git/shop.git", "slt_secret", examples.WriteShop)
	if err != nil {
		t.Fatal(err)
	}
	c, err := apiclient.New(apiclient.Options{URL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	told := &heard{}
	d := &demo{opts: Options{Tell: told}, client: c, feed: newFeed(), stage: &stage{client: c, tree: w}}
	plain := func(string) (string, error) { return "A small shop\n", nil }
	var commits []string
	for _, edit := range []change{plain, examples.GoodChange, examples.BadChange} {
		sh, err := d.stage.commit(t.Context(), "x", ana(), edit)
		if err != nil {
			t.Fatal(err)
		}
		commits = append(commits, sh.commit)
	}
	fix, err := d.takeBack(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff, err := w.git(t.Context(), "diff", "--stat", commits[1], "HEAD"); err != nil || diff != "" {
		t.Errorf("HEAD differs from the good commit: %s, %v", diff, err)
	}
	if who, err := w.git(t.Context(), "log", "-1", "--format=%an %H"); err != nil || who != "Ben "+fix.commit {
		t.Errorf("taken back by %q, %v", who, err)
	}
	// A push that fails is told with what to do; its own event is not told as somebody else's.
	ctx, cancel := context.WithCancel(t.Context())
	pushed := make(chan error, 1)
	pushed <- errors.New("no way")
	d.feed.events = make(chan event.Event) // so that each is taken before the next
	done := make(chan error, 1)
	go func() { done <- d.watch(ctx, map[string]*shipment{fix.commit: fix}, pushed) }()
	for _, after := range []string{fix.commit, "ffffffffffffffffffffffffffffffffffffffff", ""} {
		ev, err := event.New(event.Meta{App: appName, Time: time.Now()}, event.GitPushed{Branch: "main", After: after, Commits: []event.Commit{{Author: "Ben", Subject: "x"}}})
		if err != nil {
			t.Fatal(err)
		}
		d.feed.events <- ev
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	var stories []string
	failed := false
	for _, s := range told.scenes {
		failed = failed || strings.Contains(s.Text, "could not be pushed") && strings.Contains(s.Text, "git push slipway main")
		if s.State == "accepted" {
			stories = append(stories, s.Story)
		}
	}
	if got := strings.Join(stories, " "); !failed && len(pushed) == 0 || got != "fix push" {
		t.Errorf("told: %v, of the push that failed: %v", got, failed)
	}
}

func TestARedBuildEndsAShipment(t *testing.T) {
	sh := newShipment("push", commit, "Red", "http://127.0.0.1:7070")
	story(t, sh, event.BuildQueued{Build: "bld_1", Head: commit}, event.BuildFailed{Build: "bld_1", Reasons: []event.Reason{{Text: "price failed"}}})
	if !sh.over() || sh.failed != "price failed" {
		t.Errorf("got %+v", sh)
	}
}

func TestProgramsAreToldInJSON(t *testing.T) {
	var out bytes.Buffer
	p := &Programs{Out: &out}
	p.Tell(Scene{Type: "push", Text: "a <b>", Story: "good"})
	p.Tell(Scene{Text: "for people"})
	p.Tell(Scene{Type: "aside", Aside: true, Text: "for people"})
	var s Scene
	if err := json.Unmarshal(out.Bytes(), &s); err != nil || s.Text != "a <b>" || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

func TestWorktreePushesToItsOwnRemote(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shop")
	w, err := newWorktree(t.Context(), dir, "http://127.0.0.1:7070/git/shop.git", "slt_secret", examples.WriteShop)
	if err != nil {
		t.Fatal(err)
	}
	sha, err := w.commit(t.Context(), ben(), "A small shop\n")
	if err != nil || len(sha) != 40 {
		t.Fatalf("commit %q: %v", sha, err)
	}
	if who, err := w.git(t.Context(), "log", "-1", "--format=%an <%ae> %s"); err != nil || who != "Ben <ben@example.com> A small shop" {
		t.Errorf("committed as %q, %v", who, err)
	}
	info, err := os.Stat(filepath.Join(dir, ".git", "slipway-credentials"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the token is readable by others: %v, %v", info, err)
	}
	st := &stage{tree: w}
	if n, err := st.nextDrill(t.Context()); err != nil || n != 1 {
		t.Errorf("first drill: %d, %v", n, err)
	}
	if message, err := examples.DrillChange(dir, 1); err != nil {
		t.Fatal(err)
	} else if _, err := w.commit(t.Context(), ben(), message); err != nil {
		t.Fatal(err)
	}
	if n, err := st.nextDrill(t.Context()); err != nil || n != 2 {
		t.Errorf("second drill: %d, %v", n, err)
	}
}

func TestOptionsSayWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "something"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: dir}
	if _, err := o.folder(); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a folder that is in use: %v", err)
	}
	o, err := Options{Once: true}.withDefaults()
	if err != nil || strings.HasSuffix(o.Listen, ":0") || o.RPS != 900 || o.Hosts != 10 || o.Workers != 4 {
		t.Fatalf("got %+v, %v", o, err)
	}
	if _, err := (Options{Once: true, RPS: -1}).withDefaults(); err == nil {
		t.Error("a negative rate is taken")
	}
}

func TestARecordOfADeadDemoIsNoDemo(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	dir := t.TempDir()
	if _, err := Find(dir); err == nil {
		t.Error("found a demo where none is")
	}
	mine := Record{URL: "http://127.0.0.1:1", PID: os.Getpid()}
	if err := mine.keep(dir); err != nil {
		t.Fatal(err)
	}
	for _, where := range []string{dir, ""} {
		if r, err := Find(where); err != nil || r != mine {
			t.Errorf("in %q: %+v, %v", where, r, err)
		}
	}
	Record{PID: mine.PID + 1}.drop(dir) // another one's end
	if _, err := Find(dir); err != nil {
		t.Errorf("another demo's end removed the record: %v", err)
	}
	mine.drop(dir)
	if _, err := Find(""); err == nil {
		t.Error("a record is left behind")
	}
}

// The user's own server and agents may be told by variables what they are; the demo's must not hear it.
func TestChildrenDoNotGetTheUsersOptions(t *testing.T) {
	t.Setenv("SLIPWAY_CONFIG", "/etc/slipway/agent.yaml")
	t.Setenv("OTHER", "kept")
	c := &children{exe: "/usr/bin/env", logs: t.TempDir()}
	if err := c.start("env", []string{"SLIPWAY_JOIN=slj_x"}); err != nil {
		t.Fatal(err)
	}
	<-c.all[0].gone
	c.stop()
	out, err := os.ReadFile(filepath.Join(c.logs, "env.log"))
	if text := string(out); err != nil || strings.Contains(text, "SLIPWAY_CONFIG") || !strings.Contains(text, "OTHER=kept") || !strings.Contains(text, "SLIPWAY_JOIN=slj_x") {
		t.Errorf("%v: %s", err, text)
	}
}
