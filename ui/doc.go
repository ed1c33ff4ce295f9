// Package ui holds the web page, built by Vite from src and embedded into the binary.
//
// The page uses the public API under /v1 and nothing else, so whatever it can do, a script can do. It needs no inline script; the server should answer
// index.html for every path that is neither a file here nor part of the API.
package ui
