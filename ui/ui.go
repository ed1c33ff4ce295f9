package ui

import (
	"embed"
	"io/fs"
)

// pages holds what the build left in dist, and the page that stands in for it. dist always has a placeholder, so that the binary compiles before the first
// build of the page.
//
//go:embed all:dist unbuilt
var pages embed.FS

// Files returns the built page: index.html, and assets/ with names that carry a hash of their content and so may be cached for ever.
// In a binary that was compiled before the page was built it holds only an index.html that says what to do.
func Files() fs.FS {
	root := "dist"
	if _, err := fs.Stat(pages, "dist/index.html"); err != nil {
		root = "unbuilt"
	}
	files, err := fs.Sub(pages, root)
	if err != nil {
		panic("ui: " + err.Error()) // Sub fails for invalid names only, and both are constants.
	}
	return files
}
