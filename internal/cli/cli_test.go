package cli

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/apptest"
	"github.com/slipwayhq/slipway/internal/cli/credentials"
)

// TestServeHasAnAddressOfItsOwn: with SLIPWAY_URL exported for the other verbs, a server must not announce the address of another one.
func TestServeHasAnAddressOfItsOwn(t *testing.T) {
	alone(t)
	t.Setenv("SLIPWAY_URL", "https://other.example.com")
	t.Setenv("SLIPWAY_PUBLIC_URL", "https://slipway.example.com")
	var v verbs
	parser, err := kong.New(&v, kong.Name("slipway"), kong.Vars{"localURL": localURL})
	must(t, err)
	if _, err := parser.Parse([]string{"serve"}); err != nil || v.Serve.URL != "https://slipway.example.com" {
		t.Errorf("serve announces %q, %v", v.Serve.URL, err)
	}
}

// asProgram lets the test binary be the program, for what only a process of its own can show.
const asProgram = "SLIPWAY_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" || len(os.Args) > 1 && os.Args[1] == "edge" { // the edge of a server that is the test binary
		os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	apptest.Main(m)
}

// run is one command line, with nothing of the user's settings around it.
func run(t *testing.T, stdin string, args ...string) (status int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := &program{ctx: t.Context(), stdin: strings.NewReader(stdin), stdout: &stdout, stderr: &stderr}
	status = p.main(args)
	return status, stdout.String(), stderr.String()
}

// alone keeps settings of the user and variables of the machine away.
func alone(t *testing.T) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "SLIPWAY_") {
			t.Setenv(name, "")
			must(t, os.Unsetenv(name))
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Chdir(t.TempDir())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Every verb must be read as it is documented.
func TestVerbsAreUnderstood(t *testing.T) {
	alone(t)
	for _, line := range []string{
		"serve", "serve --data d --listen :7070 --edge-listen none --admin-token 0123456789abcdef --log-format json --url https://x --log-age 24h",
		"serve --database postgres://x/y --nats nats://x --tls-cert c --tls-key k --secret-key k",
		"agent --server https://x --join slj_x --roles work,host --name n --addr 10.0.0.1 --data d --labels zone=eu,disk=ssd --slots 2 --isolation processes --environ GOFLAGS=-a,-b --statsd off --statsd-tags a,b --front :8080 --front-trusted-proxies 10.0.0.0/8",
		"edge --beside . --server https://x", "edge --dir d --listen :80 --server http://x --id agt_x", "edge --server https://x --join slj_x --listen :80 --acme --acme-email a@b --trusted-proxies 10.0.0.0/8",
		"edge stop", "edge stop --data d", "init", "init --force dir", "demo", "demo --once --json --listen :1 --edge-listen :2 --data d --rps 10", "drill", "drill --json --data d",
		"login", "login https://x --token t --pin p", "logout", "watch", "watch rol_1 --json", "watch 3", "builds", "builds --json -n 5", "builds bld_1 --json", "rollouts", "rollouts #3",
		"releases --app shop --env staging", "hosts --role work --json", "logs bld_1", "logs 3 lse_1 -f", "rollback --reason r", "rollback rel_1 --reason r", "promote", "pause rol_1",
		"resume 3 --reason r", "freeze --reason r", "unfreeze --reason r", "config", "config get A", "config set A=1 B=2 --reason r", "config set --secret A", "config unset A B --reason r",
		"tokens", "tokens create laptop --person ana --expires 24h", "tokens revoke tok_1", "join-token --roles edge --uses 1 --expires 1h", "people", "people add ana --email a@b --admin",
		"people remove ana", "people grant ana shop deployer", "people grant ana shop deployer --env staging", "judge 3 --alpha 0.001 --margin 0.1", "judge --csv a.csv --alpha 0.01 --margin 0.1 --rule-out 3x --settle 90s --share 10% --drop orders --json", "cancel 3 --reason r", "load events --rate 5000 --for 60s --batch 1 --senders 4 --key wk_x --json", "events tail --name a --user u --env staging --json",
		"events trend bought --where plan=pro --where price>10 --measure visitors --interval hour --split plan --since 24h --until 2026-01-01 --zone Europe/Berlin --csv", "events funnel a b c?plan=pro --within 1h --json",
		"events retention --first a --back b --interval week", "events top plan --event bought -n 5", "events user u1", "events user u1 --before 41 -n 5", "events rebuild shop --json", "events sql - --csv", "events sql --saved name -n 5", "events saved", "events saved name --csv", "events saved --json", "events sql --saved name --parquet a.parquet", "events plan", "events plan --json", "events plan show --json", "events plan check", "events plan check plan.json --json", "events plan check -", "events plan set plan.json --reason r", "events plan learned", "events plan learned bought --json", "events failed --list --reason no_name --state open -n 3", "events repair @fix.jq --try --reason no_name", "retry bld_1", "limit list --env staging --json", "limit set api --per-minute 100 --burst 20 --note n -m r",
		"limit set api --amount 5 --unit week --kind calendar --zone Europe/Berlin --exact --near 0.5", "limit set jobs --kind concurrent --amount 3 --hold 30s --no-shadow", "limit set a --per-second 1 --every 5 --shadow", "limit set a --kind concurrent --amount 1 --refill 1 --unit hour",
		"limit rm api -m r", "limit override api ana --amount 5 --burst 2 --for 24h -m r", "limit lift api ana", "limit show api ana --since 2h --env staging --json", "limit reset api ana -m r", "limit check api:ana --amount 3", "limit simulate api --per-hour 5 --since 7d --json",
		"serve --limit-store redis://x --limit-keys 5 --limit-listen 127.0.0.1:8081", "version", "git-hook pre-receive", "git-credential get",
	} {
		parser, err := kong.New(&verbs{}, kong.Name("slipway"), kong.Vars{"localURL": localURL})
		must(t, err)
		if _, err := parser.Parse(strings.Fields(line)); err != nil {
			t.Errorf("slipway %s: %v", line, err)
		}
	}
}

func TestWhatIsNotUnderstoodIsSaid(t *testing.T) {
	alone(t)
	for _, line := range []string{"nonsense", "builds --nonsense", "freeze", "rollback", "people grant ana shop king", "hosts --role king", "config set", "serve --log-format xml"} {
		status, _, errs := run(t, "", strings.Fields(line)...)
		if status != exitUsage || strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "slipway: ") || !strings.Contains(errs, "--help") {
			t.Errorf("slipway %s: status %d, %q", line, status, errs)
		}
	}
	if status, out, _ := run(t, "", "--help"); status != exitDone || !strings.Contains(out, "watch") {
		t.Errorf("--help: %d %q", status, out)
	}
	if status, out, _ := run(t, ""); status != exitDone || !strings.Contains(out, "Usage") {
		t.Errorf("nothing: %d %q", status, out)
	}
	if status, out, _ := run(t, "", "version"); status != exitDone || !strings.HasPrefix(out, "slipway ") {
		t.Errorf("version: %d %q", status, out)
	}
}

func TestMistakesInOptionsAreOneLine(t *testing.T) {
	alone(t)
	for line, want := range map[string]string{
		"builds": "slipway login", "agent --ports 9-1": "20000-29999", "agent --isolation jail": "namespaces", "edge --trusted-proxies ten --id x": "10.0.0.0/8",
		"edge stop": "no edge runs", "drill": "slipway demo", "demo --rps=-1": "requests a second", "demo --once --data /proc/self": "not empty",
		"agent --join @nowhere": "--join @nowhere", "agent --slots 0": "--slots 0 is too few", "agent --slots=-1": "--slots -1 is too few", "agent --environ foo": "NAME=value",
		"agent --addr bad:1": "has a port", "agent --name=a/b": "no name for a machine", "edge --name=a/b": "no name for a machine", "agent --ports 1-2x": "20000-29999",
		"edge --tls-cert a --tls-key b": "/a cannot be read: no such file", "serve --edge-tls-cert a --edge-tls-key b": "--edge-tls-key", "serve --tls-cert a --tls-key b": "/b cannot be read",
		"serve --acme-ca x": "--acme-ca", "join-token --expires=-1h": "--expires", "builds --url http://example.com --token t": "https://", "builds --token t --url http://127.0.0.1:1": "slipway serve", "logout": "not signed in", "init nowhere": "not a folder",
	} {
		status, _, errs := run(t, "", strings.Fields(line)...)
		if status != exitFailed || !strings.Contains(errs, want) {
			t.Errorf("slipway %s: status %d, %q lacks %q", line, status, errs, want)
		}
	}
}

func TestMistakesInOptionsComeAllAtOnce(t *testing.T) {
	alone(t)
	for line, want := range map[string]int{
		"agent --ports 9 --isolation jail --slots 0 --addr a:1 --environ x --name a/b --join @nowhere": 6,
		"edge --trusted-proxies ten --listen here --server there --tls-cert a --name a/b":              5,
	} {
		if status, _, errs := run(t, "", strings.Fields(line)...); status != exitFailed || strings.Count(errs, "\n") != want {
			t.Errorf("slipway %s: status %d, %d mistakes instead of %d:\n%s", line, status, strings.Count(errs, "\n"), want, errs)
		}
	}
}

func TestSignedInOnceAndForAll(t *testing.T) {
	alone(t)
	s := apptest.Start(t)
	if status, _, errs := run(t, "slt_wrong\n", "login", s.URL()); status != exitFailed || !strings.Contains(errs, "does not know this token") {
		t.Fatalf("a wrong token: %d %q", status, errs)
	}
	if status, out, errs := run(t, apptest.Token+"\n", "login", s.URL()); status != exitDone || !strings.Contains(out, "as admin") {
		t.Fatalf("login: %d %q %q", status, out, errs)
	}
	path, err := credentials.Path()
	must(t, err)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("credentials: %v, %v", info, err)
	}
	if status, out, errs := run(t, "", "people", "--json"); status != exitDone || !strings.Contains(out, `"admin"`) {
		t.Errorf("people: %d %q %q", status, out, errs)
	}
	host := strings.TrimPrefix(s.URL(), "http://")
	if _, out, _ := run(t, "protocol=http\nhost="+host+"\n\n", "git-credential", "get"); !strings.Contains(out, "password="+apptest.Token) {
		t.Errorf("git-credential: %q", out)
	}
	if _, out, _ := run(t, "protocol=http\nhost=example.com\n\n", "git-credential", "get"); out != "" {
		t.Errorf("the token is given to another host: %q", out)
	}
	if status, _, _ := run(t, "", "logout"); status != exitDone {
		t.Error("logout failed")
	}
	if status, _, errs := run(t, "", "people", "--url", s.URL()); status != exitFailed || !strings.Contains(errs, "slipway login") {
		t.Errorf("after logout: %d %q", status, errs)
	}
}

// The verbs against a real server: what they print is what it says.
func TestVerbsAgainstAServer(t *testing.T) {
	alone(t)
	s := apptest.Start(t)
	t.Setenv("SLIPWAY_URL", s.URL())
	t.Setenv("SLIPWAY_TOKEN", apptest.Token)
	ok := func(stdin string, args ...string) string {
		t.Helper()
		status, out, errs := run(t, stdin, args...)
		if status != exitDone {
			t.Fatalf("slipway %v: %d %s", args, status, errs)
		}
		return out
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if status, _, errs := run(t, "", args...); status != exitFailed || !strings.Contains(errs, want) {
			t.Errorf("slipway %v: %d %q lacks %q", args, status, errs, want)
		}
	}
	refused("no app", "builds")
	s.Must(t, "POST", "/v1/apps", map[string]string{"name": "shop"}, nil)
	for _, verb := range []string{"builds", "rollouts", "releases", "hosts"} {
		var list []any
		if out := ok("", verb, "--json"); json.Unmarshal([]byte(out), &list) != nil || list == nil {
			t.Errorf("%s --json is no array: %q", verb, out)
		}
		if out := ok("", verb); !strings.Contains(out, "none") {
			t.Errorf("%s: %q", verb, out)
		}
	}
	ok("", "config", "set", "A=1", "B=x=y", "--reason", "test")
	ok("hidden\n", "config", "set", "--secret", "C")
	if out := ok("", "config"); !strings.Contains(out, "A=1\nB=x=y\nC (a secret") || strings.Contains(out, "hidden") {
		t.Errorf("config: %q", out)
	}
	if out := ok("", "config", "get", "B"); out != "x=y\n" {
		t.Errorf("config get B: %q", out)
	}
	ok("", "config", "unset", "A")
	refused("no setting", "config", "get", "A")
	refused("not NAME=VALUE", "config", "set", "A")
	ok("", "freeze", "--reason", "test")
	ok("", "unfreeze", "--reason", "over")
	refused("no rollout is under way", "promote")
	refused("no build #7", "builds", "#7")
	refused("bld_nowhere", "logs", "bld_nowhere")
	refused("no rollout #3", "rollouts", "3")
	refused("no rollout #3", "rollouts", "call", "#3", "wrong", "--note", "test")
	refused("no rollout rol_none", "rollouts", "call", "rol_none", "nothing")
	if out := ok("", "score", "--days", "7"); out != "no rollout was judged in 7 days\n" {
		t.Errorf("score: %q", out)
	}
	if out := ok("", "score", "--json"); !strings.Contains(out, `"days": 30`) {
		t.Errorf("score --json: %q", out)
	}
	refused("days", "score", "--days", "0")
	vitals := filepath.Join(t.TempDir(), "vitals.yaml")
	text := "app: shop\nrollout:\n  vitals:\n    - errors\n    - {counter: checkout.failed, per: checkout.started, bad: rise}\n    - {event: signed_up, bad: drop}\n"
	if err := os.WriteFile(vitals, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	refused("3 of 3 vitals read nothing, and would say nothing of a release: errors, checkout.failed, signed_up;", "vitals", "test", vitals)
	if out := ok("", "vitals", "test", vitals, "--json"); !strings.Contains(out, `no counter \"checkout.failed\" came in the last hour`) {
		t.Errorf("it reads %s", out)
	}
	if out := ok("", "vitals", "test", vitals, "--json"); !strings.Contains(out, `no event \"signed_up\" came to production in the last hour; send it, and with it the release that served`) {
		t.Errorf("of an event it reads %s", out)
	}
	refused("no such file", "vitals", "test", vitals+".not")
	refused("shop/production has no release #999", "rollback", "999", "--reason", "test")
	refused(`no release "rel_nowhere"`, "rollback", "rel_nowhere", "--reason", "test")
	refused("leave it away", "config", "set", "--secret", "C=hidden")
	refused("one secret at a time", "config", "set", "--secret", "C", "D")
	for _, verb := range []string{"builds", "rollouts", "releases"} {
		refused(`no app named "nosuch"`, verb, "--app", "nosuch")
		refused("no environment", verb, "--env", "nosuch")
	}
	if out := ok("", "join-token", "--roles", "work"); !strings.HasPrefix(out, "slj_") || strings.Count(out, "\n") != 1 {
		t.Errorf("join-token: %q", out)
	}
	if out := ok("", "people", "add", "ana"); !strings.Contains(out, "/login?token=") {
		t.Errorf("people add: %q", out)
	}
	ok("", "people", "grant", "ana", "shop", "deployer")
	if out := ok("", "people"); !strings.Contains(out, "deployer of shop") {
		t.Errorf("people: %q", out)
	}
	if out := ok("", "tokens", "create", "ci"); !strings.HasPrefix(out, "slt_") {
		t.Errorf("tokens create: %q", out)
	}
}

// TestSomethingElseAnswers: an address that leads to another web server must be said to do so, whatever it sends.
func TestSomethingElseAnswers(t *testing.T) {
	alone(t)
	for _, kind := range []string{"text/plain", "text/html; charset=utf-8", ""} {
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			if kind != "" {
				w.Header().Set("Content-Type", kind)
			}
			_, _ = w.Write([]byte("ok"))
		}))
		host := strings.TrimPrefix(other.URL, "http://")
		status, _, errs := run(t, "", "hosts", "--url", other.URL, "--token", "t")
		if want := "what answers at " + host + " is not a Slipway server"; status != exitFailed || !strings.Contains(errs, want) || !strings.Contains(errs, "SLIPWAY_URL") {
			t.Errorf("%q: %d %q lacks %q", kind, status, errs, want)
		}
		other.Close()
	}
}

func TestNumbersOfSeveralEnvironments(t *testing.T) {
	if id, err := one("build", "shop", "", 3, []string{"bld_a"}, []string{"production"}); id != "bld_a" || err != nil {
		t.Errorf("the only one: %q, %v", id, err)
	}
	_, err := one("build", "shop", "", 3, []string{"bld_a", "bld_b"}, []string{"production", "staging"})
	if want := "there are several builds #3; say which by its id: bld_a of production, bld_b of staging"; err == nil || err.Error() != want {
		t.Errorf("several: %v, want %s", err, want)
	}
}

func TestShareOfAPromotedRollout(t *testing.T) {
	for want, r := range map[string]apiclient.Rollout{
		"100%": {Outcome: "promoted"}, "0%": {Outcome: "rolled_back"}, "10%": {Share: 0.1},
	} {
		if got := rolloutRow(r)[3]; got != want {
			t.Errorf("%+v: %v, want %s", r, got, want)
		}
	}
}

func TestInitNeverOverwrites(t *testing.T) {
	alone(t)
	dir := filepath.Join(t.TempDir(), "hello")
	must(t, os.MkdirAll(dir, 0o700))
	for name, text := range map[string]string{"go.mod": "module example.com/hello\n\ngo 1.24\n", "main.go": "package main\n\nfunc main() {}\n"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	status, out, errs := run(t, "", "init", dir)
	if status != exitDone || !strings.Contains(out, "git push slipway main") || !strings.Contains(out, "/git/hello.git") {
		t.Fatalf("init: %d %q %q", status, out, errs)
	}
	path := filepath.Join(dir, manifestName)
	must(t, os.WriteFile(path, []byte("mine"), 0o600))
	if status, _, errs := run(t, "", "init", dir); status != exitFailed || !strings.Contains(errs, "--force") {
		t.Errorf("init again: %d %q", status, errs)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "mine" {
		t.Errorf("it was overwritten: %q, %v", text, err)
	}
	if status, _, _ := run(t, "", "init", "--force", dir); status != exitDone {
		t.Error("init --force failed")
	}
	if app := appOfFolder(dir); app != "hello" {
		t.Errorf("the app of the folder is %q", app)
	}
}

func TestATiedProgramEndsWithItsParent(t *testing.T) {
	ctx, stop := tied{}.bind(t.Context())
	if ctx.Err() != nil {
		t.Error("ended at once")
	}
	stop()
	ctx, stop = tied{Tied: true}.bind(t.Context())
	if ctx.Err() != nil {
		t.Error("ended though its parent lives")
	}
	stop()
	if ctx.Err() == nil {
		t.Error("looks on after stop")
	}
}

// Several mistakes stand below one another, behind one name.
func TestSeveralMistakesAreOneComplaint(t *testing.T) {
	alone(t)
	_, _, errs := run(t, "", "serve", "--listen", "x", "--edge-listen", "y")
	if strings.Count(errs, "slipway:") != 1 || !strings.HasPrefix(errs, "slipway: --listen") || !strings.Contains(errs, "\n         --edge-listen") {
		t.Errorf("it says\n%s", errs)
	}
	if status, _, errs := run(t, "", "score", "--days", "0"); status != exitFailed || errs != "slipway: --days 0: write a number from 1 to 365\n" {
		t.Errorf("score of no day: %d, %s", status, errs)
	}
}
