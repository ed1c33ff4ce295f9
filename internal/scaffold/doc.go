// Package scaffold writes the first .slipway.yaml of a repository.
//
// [Look] reads what is in a directory (go.mod, package.json, Gemfile,
// requirements.txt, pyproject.toml, Procfile, Makefile, Dockerfile) and returns
// a commented manifest and what it found, in words. It runs nothing and writes
// nothing.
//
// Guarantees: the manifest always parses without a problem; what is a guess
// says so in a comment beside it and among the findings; what could not even
// be guessed stands there as a comment, not as a key.
package scaffold
