package shadow_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/shadow"
)

func TestDeploysAsCSV(t *testing.T) {
	got, err := shadow.ReadCSV(strings.NewReader("\ufeffTime, release,host\n# by hand\n2026-11-29T14:03:00+01:00, v2 ,web-1\n1795956180,v3,\n"))
	want := []shadow.Deploy{{Time: 1795957380, Release: "v2", Host: "web-1"}, {Time: 1795956180, Release: "v3"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for text, wants := range map[string][]string{
		"":               {"line 1", "time,release"},
		"when,release\n": {`no column "time"`},
		"time,release\nx,v\n2026-11-29T14:03:00Z,\n1795956180000,v": {`line 2: time "x"`, "line 3: there is no release", "line 4: time 1795956180000: that is milliseconds"},
		"time,release\n\"a,v": {"line 2"},
	} {
		_, err := shadow.ReadCSV(strings.NewReader(text))
		for _, want := range wants {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, expected %s", text, err, want)
			}
		}
	}
}

const (
	deployment = `{"action":"created","deployment":{"id":1,"sha":"a10867b14bb761a232cd80139fbd4c0d33264240","ref":"main","environment":"production","created_at":"2026-11-29T13:00:00Z"},"repository":{"default_branch":"main"}}`
	succeeded  = `{"deployment_status":{"state":"success","created_at":"2026-11-29T13:05:00Z"},"deployment":{"id":1,"sha":"a10867b14bb761a232cd80139fbd4c0d33264240","ref":"main","environment":"production","created_at":"2026-11-29T13:00:00Z"}}`
	again      = `{"deployment_status":{"state":"success","created_at":"2026-11-29T18:05:00Z"},"deployment":{"id":1,"sha":"a10867b14bb761a232cd80139fbd4c0d33264240","ref":"main","environment":"production"}}`
	failed     = `{"deployment_status":{"state":"failure","created_at":"2026-11-29T14:05:00Z"},"deployment":{"id":2,"sha":"b10867b14bb761a232cd80139fbd4c0d33264240","ref":"v1.2","environment":"production"}}`
	staging    = `{"deployment_status":{"state":"success","created_at":"2026-11-29T12:05:00Z"},"deployment":{"id":3,"sha":"c10867b14bb761a232cd80139fbd4c0d33264240","ref":"v1.2","environment":"staging"}}`
	pushed     = `{"ref":"refs/heads/main","after":"d10867b14bb761a232cd80139fbd4c0d33264240","head_commit":{"timestamp":"2026-11-29T11:00:00+01:00"},"repository":{"default_branch":"main"}}`
	branch     = `{"ref":"refs/heads/idea","after":"e10867b14bb761a232cd80139fbd4c0d33264240","head_commit":{"timestamp":"2026-11-29T11:00:00+01:00"},"repository":{"default_branch":"main"}}`
	ping       = `{"zen":"Design for failure.","hook_id":1}`
)

func TestDeploysAsWebhooks(t *testing.T) {
	for _, c := range []struct {
		name, environment string
		bodies            []string
		want              []shadow.Deploy
	}{
		{"a deployment is live when it succeeded", "production", []string{ping, deployment, failed, staging, succeeded, again, pushed}, []shadow.Deploy{{Time: 1795957500, Release: "a10867b14b"}}},
		{"all environments", "", []string{staging, failed}, []shadow.Deploy{{Time: 1795953900, Release: "v1.2"}}},
		{"without a status, when it was made", "", []string{deployment, pushed}, []shadow.Deploy{{Time: 1795957200, Release: "a10867b14b"}}},
		{"pushes alone", "", []string{branch, pushed, ping}, []shadow.Deploy{{Time: 1795946400, Release: "d10867b14b"}}},
		{"nothing of it", "", []string{ping, branch}, nil},
	} {
		got, err := shadow.ReadWebhooks(strings.NewReader(strings.Join(c.bodies, "\n")), c.environment)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Error(c.name, err, diff)
		}
	}
	for _, text := range []string{"{", "[]", `"x"`, `{"deployment":7}`, `{"deployment":{"id":1}}`, ping + "\nnull"} {
		if got, err := shadow.ReadWebhooks(strings.NewReader(text), ""); err == nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add("time,release,host\n2026-11-29T14:03:00Z,v2,web-1\n1e9,v,\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := shadow.ReadCSV(strings.NewReader(text))
		if err != nil {
			if len(strings.Split(err.Error(), "\n")) > 21 {
				t.Fatalf("told too much: %v", err)
			}
			return
		}
		for _, d := range all {
			if d.Release == "" || d.Release != strings.TrimSpace(d.Release) {
				t.Fatalf("%+v", d)
			}
		}
	})
}
