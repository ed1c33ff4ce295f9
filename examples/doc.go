// Package examples holds the shop that the demo ships, and the changes that the demo makes to it.
//
// The shop (shop/) is a program of this module, so that its tests run with all others, and is embedded here as
// files: [WriteShop] writes it out as a repository of its own, with the same import paths. The changes (changes/)
// are data: each is a commit's message, files that it adds, and passages that it replaces. A change can be applied
// and undone, in any order with the others, and touches nothing when the work tree no longer has what it replaces.
//
//	good    a visible improvement, with tests
//	bad     passes all tests, fails one page in twenty and makes a tenth of the pages wait longer
//	red     breaks a test
//	drillN  a fault planted on purpose: errors, slow pages, failing forms
package examples
