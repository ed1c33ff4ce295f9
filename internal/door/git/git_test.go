package git

import (
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
)

func TestFirstPushMakesTheApp(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	first := c.commit("one", ".slipway.yaml", good("shop"))
	head := c.commit("two", "a.txt", "a")
	out := c.must("push", w.url("shop", adminToken), "main")
	for _, want := range []string{"remote: -----> " + head[:10] + " of shop: main goes to production", "http://slipway.test/apps/shop?environment=production"} {
		if !strings.Contains(out, want) {
			t.Errorf("the pusher does not read %q:\n%s", want, out)
		}
	}
	ev, p := w.lastPush()
	if ev.App != "shop" || ev.Env != "production" || ev.Actor != "person:admin" || p.Branch != "main" || p.Before != "" || p.After != head || p.Forced {
		t.Errorf("event %+v %+v", ev, p)
	}
	if len(p.Commits) != 2 || p.Commits[0].SHA != first || p.Commits[1].Subject != "two" || p.Commits[1].Author != "Ana" {
		t.Errorf("commits %+v", p.Commits)
	}
	if p.Tree != c.must("rev-parse", "HEAD^{tree}") || !strings.Contains(string(p.Manifest), `"app":"shop"`) {
		t.Errorf("tree %s, manifest %s", p.Tree, p.Manifest)
	}

	third := c.commit("three", "a.txt", "b")
	c.must("push", w.url("shop", adminToken), "main")
	if _, p := w.lastPush(); p.Before != head || p.After != third || len(p.Commits) != 1 || len(w.pushed()) != 2 {
		t.Errorf("second push: %d events, last %+v", len(w.pushed()), p)
	}
	other := newClone(t)
	other.must("clone", "--quiet", w.url("shop", adminToken), "copy")
	if got := other.must("-C", "copy", "rev-parse", "HEAD"); got != third {
		t.Errorf("the clone is at %s, not %s", got, third)
	}
	c.must("push", w.url("shop", adminToken), "main")
	if len(w.pushed()) != 2 {
		t.Error("a push of nothing was told of")
	}
}

func TestBrokenManifestIsRefusedWithAllMistakes(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	c.commit("broken", ".slipway.yaml", "app: shop\ntest:\n  - name: go\n    runn: x\nrollout:\n  rule_out: often\n")
	out, err := c.run("push", w.url("shop", adminToken), "main")
	if err == nil {
		t.Fatalf("accepted:\n%s", out)
	}
	for _, want := range []string{".slipway.yaml has ", "mistakes", ".slipway.yaml:4:", ".slipway.yaml:6:", "Nothing was changed.", "pre-receive hook declined"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if len(w.pushed()) != 0 {
		t.Error("a refused push was told of")
	}
	var apps int
	if err := w.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM catalog_apps`).Scan(&apps); err != nil || apps != 0 {
		t.Errorf("a refused push made an app (%d, %v)", apps, err)
	}
	c.commit("fixed", ".slipway.yaml", good("shop"))
	c.must("push", w.url("shop", adminToken), "main")
}

func TestWhatIsRefused(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	url := w.url("shop", adminToken)
	c.commit("no manifest", "a.txt", "a")
	c.refused("slipway init", url, "main")
	c.commit("other app", ".slipway.yaml", good("shoes"))
	c.refused(`of the app "shoes"`, url, "main")
	head := c.commit("good", ".slipway.yaml", good("shop"))
	c.refused("only \"tests\" and \"watch\" can be skipped", "-o", "slipway.skip=lunch", url, "main")
	c.refused("says why", "-o", "slipway.skip=tests", url, "main")
	c.refused("is not known", "-o", "ci.skip", url, "main")
	c.refused("branches and tags", url, "HEAD:refs/secret/x")
	c.must("push", url, "main")

	c.must("commit", "--quiet", "--amend", "--allow-empty", "-m", "rewritten")
	c.refused("non-fast-forward", url, "main")
	c.refused("would lose commits", "--force", url, "main")
	c.refused("cannot be deleted", url, ":main")
	if got := strings.Fields(c.must("ls-remote", url, "refs/heads/main"))[0]; got != head {
		t.Errorf("main is at %s after refused pushes, not %s", got, head)
	}
	if n := len(w.pushed()); n != 1 {
		t.Errorf("%d events for one accepted push", n)
	}
}

func TestForcePushWhereAllowed(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	c.commit("one", ".slipway.yaml", good("shop")+"environments:\n  production:\n    branch: main\n    allow_force_push: true\n")
	c.must("push", w.url("shop", adminToken), "main")
	c.must("commit", "--quiet", "--amend", "-m", "rewritten")
	c.must("push", "--force", w.url("shop", adminToken), "main")
	if _, p := w.lastPush(); !p.Forced || p.Before == "" {
		t.Errorf("event %+v", p)
	}
}

func TestBranchesOfEnvironments(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	url := w.url("shop", adminToken)
	c.commit("one", ".slipway.yaml", good("shop"))
	c.must("push", url, "main")
	c.must("checkout", "--quiet", "-b", "idea")
	c.commit("idea", ".slipway.yaml", "not: a manifest\n")
	if out := c.must("push", url, "idea"); !strings.Contains(out, "No environment of shop follows it (production follows main)") {
		t.Errorf("the pusher is not told:\n%s", out)
	}
	if ev, p := w.lastPush(); ev.Env != "" || p.Branch != "idea" || len(p.Manifest) > 0 || len(p.Commits) != 1 {
		t.Errorf("event %+v %+v", ev, p)
	}
	c.must("push", url, ":idea")
	if _, p := w.lastPush(); p.After != "" || p.Before == "" {
		t.Errorf("deletion told as %+v", p)
	}
	c.must("checkout", "--quiet", "-b", "develop", "main")
	c.commit("staging", ".slipway.yaml", good("shop")+"environments:\n  production: {branch: main}\n  staging: {branch: develop}\n")
	if out := c.must("push", url, "develop"); !strings.Contains(out, "environment staging is new") {
		t.Errorf("the pusher is not told of staging:\n%s", out)
	}
	if ev, _ := w.lastPush(); ev.Env != "staging" {
		t.Errorf("event of develop is of %q", ev.Env)
	}
	c.must("tag", "v1")
	before := len(w.pushed())
	c.must("push", url, "v1")
	if len(w.pushed()) != before {
		t.Error("a tag was told of as a branch")
	}
}

func TestTheFirstManifestSaysWhichBranchIsProduction(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	c.must("checkout", "--quiet", "-b", "master")
	c.commit("one", ".slipway.yaml", good("shop")+"environments:\n  production: {branch: master}\n")
	c.must("push", w.url("shop", adminToken), "master")
	if ev, p := w.lastPush(); ev.Env != "production" || p.Branch != "master" || len(p.Manifest) == 0 {
		t.Errorf("event %+v %+v", ev, p)
	}
	other := newClone(t)
	other.must("clone", "--quiet", w.url("shop", adminToken), "copy")
	if got := other.must("-C", "copy", "branch", "--show-current"); got != "master" {
		t.Errorf("a clone checks out %q", got)
	}
}

func TestHotfixIsAudited(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	c.commit("one", ".slipway.yaml", good("shop"))
	out := c.must("push", "-o", "slipway.skip=tests,watch", "-o", "slipway.reason=the shop is down", w.url("shop", adminToken), "main")
	if !strings.Contains(out, "without tests and watch, because: the shop is down") {
		t.Errorf("the pusher is not told:\n%s", out)
	}
	if _, p := w.lastPush(); p.Hotfix == nil || !p.Hotfix.SkipTests || !p.Hotfix.SkipWatch || p.Hotfix.Reason != "the shop is down" || p.Hotfix.By != "person:admin" {
		t.Errorf("event %+v", p.Hotfix)
	}
	entries, err := access.AuditList(t.Context(), w.db, "shop", 0, 10)
	if err != nil || entries[0].Action != "hotfix.pushed" || entries[0].Reason != "the shop is down" || entries[0].Actor != "person:admin" {
		t.Errorf("audit %+v %v", entries, err)
	}
}

func TestWhoMayWhat(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	c.commit("one", ".slipway.yaml", good("shop"))
	c.must("push", w.url("shop", adminToken), "main")
	viewer, deployer, nobody := w.person("vera", "shop", access.Viewer), w.person("dora", "shop", access.Deployer), w.person("norm", "", "")
	creator := w.person("cleo", access.AllApps, access.Deployer)

	c.must("ls-remote", w.url("shop", viewer))
	c.refused("takes the role deployer", w.url("shop", viewer), "main")
	c.refused(`no app named "shop" that norm may push to`, w.url("shop", nobody), "main")
	c.refused(`no app named "shoes" that norm may push to`, w.url("shoes", nobody), "main")
	c.refused("Authentication failed", w.url("shop", "slt_wrong"), "main")
	c.commit("two")
	c.must("push", w.url("shop", deployer), "main")
	if ev, _ := w.lastPush(); ev.Actor != "person:dora" {
		t.Errorf("actor %s", ev.Actor)
	}
	c.commit("shoes", ".slipway.yaml", good("shoes"))
	c.refused("dora may not create apps", w.url("shoes", deployer), "main")
	c.must("push", w.url("shoes", creator), "main")
	if got := w.status("GET", "/git/shop.git/info/refs?service=git-upload-pack", "", ""); got != 401 {
		t.Errorf("anonymous: %d", got)
	}
	for _, path := range []string{"/git/../etc/info/refs", "/git/.hooks/info/refs", "/git/shop.git/objects/info/packs", "/git/Shop.git/info/refs"} {
		if got := w.status("GET", path, adminToken, ""); got != 404 {
			t.Errorf("%s: %d", path, got)
		}
	}
	if got := w.status("POST", "/git/shop.git/git-receive-pack", adminToken, "text/plain"); got != 400 {
		t.Errorf("a form of another site: %d", got)
	}
}

func TestARoleInOneEnvironmentPushesThereAlone(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	shop := func(environments string) string { return good("shop") + "environments:\n" + environments }
	const two = "  production: {branch: main}\n  staging: {branch: next}\n"
	c.commit("one", ".slipway.yaml", shop(two))
	c.must("push", w.url("shop", adminToken), "main", "HEAD:next")
	sten, early := w.person("sten", "shop/staging", access.Deployer), w.person("early", "shoes/staging", access.Deployer)

	c.commit("two")
	c.refused("main goes to the environment production: sten may not change production of shop", w.url("shop", sten), "main")
	c.refused("main goes to the environment production", w.url("shop", sten), "HEAD:next", "main") // all or nothing
	c.refused("main goes to the environment production", w.url("shop", sten), ":main")
	c.must("push", w.url("shop", sten), "HEAD:next")
	if ev, _ := w.lastPush(); ev.Actor != "person:sten" || ev.Env != "staging" {
		t.Errorf("told of: %+v", ev)
	}
	c.must("push", w.url("shop", sten), "HEAD:a-try")
	c.must("push", w.url("shop", sten), ":a-try")

	// Nor by way of the manifest: where the app's environments run is not theirs to say.
	for _, bad := range []string{
		"  production: {branch: other}\n  staging: {branch: next}\n",
		"  production: {branch: main, allow_force_push: true}\n  staging: {branch: next}\n",
		"  production: {branch: main}\n  staging: {branch: next, hosts: {disk: fast}}\n",
		two + "  mine: {branch: mine}\n",
	} {
		c.commit("three", ".slipway.yaml", shop(bad))
		c.refused("changes where shop runs", w.url("shop", sten), "HEAD:next")
		c.must("reset", "-q", "--hard", "HEAD~1")
	}
	c.commit("shoes", ".slipway.yaml", good("shoes"))
	c.refused("a deployer of all environments of shoes", w.url("shoes", early), "main")
}

func TestRefsMovedWithoutAnEventAreToldOfAtTheNextStart(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	c.commit("one", ".slipway.yaml", good("shop"))
	c.must("push", w.url("shop", adminToken), "main")
	head := c.commit("two")
	// A crash between ref and event: pre-receive has noted the push and git has moved the ref, but nobody told.
	c.must("push", w.url("shop", adminToken), "HEAD:refs/heads/carrier")
	w.stop()
	note := `INSERT INTO git_pushes (id, app, branch, old, new, actor, manifest, hotfix, at)
		SELECT 'psh_test', 'shop', 'main', 'x', $1, 'person:dora', $2, '{"skip_tests":true,"reason":"now"}', 1`
	_, manifest := w.lastMapped()
	if err := w.db.Tx(t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(t.Context(), note, head, manifest); return err }); err != nil {
		t.Fatal(err)
	}
	c.must("--git-dir", w.door.repo("shop"), "update-ref", "refs/heads/main", head)
	before := len(w.pushed())
	for range 2 { // the second start has nothing left to tell
		w.start()
		c.must("ls-remote", w.url("shop", adminToken))
		w.waitSettled()
		w.stop()
	}
	ev, p := w.lastPush()
	if len(w.pushed()) != before+1 || p.After != head || ev.Actor != "person:dora" || ev.Env != "production" || p.Hotfix == nil || len(p.Commits) != 1 {
		t.Errorf("%d events more, last %+v %+v", len(w.pushed())-before, ev, p)
	}
}
