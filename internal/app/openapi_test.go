package app_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/slipwayhq/slipway/internal/apptest"
)

// TestPageSpeaksTheServersTypes fails when the API changed and the page's types were not made anew (npm run gen).
func TestPageSpeaksTheServersTypes(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("SLIPWAY_REQUIRE") != "" {
			t.Fatal("node is not installed; make needs installs what is missing")
		}
		t.Skip("node is not installed")
	}
	s := apptest.Start(t)
	resp, err := http.Get(s.URL() + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "dev/gen.mjs", file, "--check")
	cmd.Dir = "../../ui"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the page's types are old; run a server, then: npm --prefix ui run gen -- http://127.0.0.1:7070/openapi.json\n%s", out)
	}
}
