package app_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/slipwayhq/slipway/internal/apptest"
)

// TestPageSpeaksTheServersTypes fails when the API changed and the page's types were not made anew (npm run gen).
func TestPageSpeaksTheServersTypes(t *testing.T) {
	if out, err := node(t, "gen.mjs", "--check"); err != nil {
		t.Errorf("the page's types are old; run a server, then: npm --prefix ui run gen -- http://127.0.0.1:7070/openapi.json\n%s", out)
	}
}

// TestPagesAreTriedOnTheServersAnswers fails when the made-up server of the pages' own tests answers what the real one never would.
func TestPagesAreTriedOnTheServersAnswers(t *testing.T) {
	if out, err := node(t, "fits.mjs"); err != nil {
		t.Errorf("ui/dev/server.mjs and world.mjs are not what /openapi.json says:\n%s", out)
	}
}

// node runs a script of the page's on the description of a running server.
func node(t *testing.T, script string, more ...string) ([]byte, error) {
	t.Helper()
	program, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("SLIPWAY_REQUIRE") != "" {
			t.Fatal("node is not installed; make needs installs what is missing")
		}
		t.Skip("node is not installed")
	}
	_, description := ask(t, apptest.Start(t), http.MethodGet, "/openapi.json", "")
	file := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(file, []byte(description), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, append([]string{"dev/" + script, file}, more...)...)
	cmd.Dir = "../../ui"
	return cmd.CombinedOutput()
}
