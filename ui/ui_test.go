package ui

import (
	"io/fs"
	"strings"
	"testing"
)

func TestFilesAlwaysHoldAPage(t *testing.T) {
	page, err := fs.ReadFile(Files(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "<title>Slipway") {
		t.Errorf("index.html is not the page of Slipway:\n%s", page)
	}
	if _, err := fs.Stat(pages, "unbuilt/index.html"); err != nil {
		t.Errorf("the page that stands in for the built one is missing: %v", err)
	}
}
