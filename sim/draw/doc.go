// Package draw draws counts fast: Poisson and binomial numbers in constant time, and items by weight. A simulated half hour of a fleet of
// hundred hosts takes some ten thousand draws, which is why gonum's are not used here. Tests compare them with the laws.
package draw
