package random

// SlopeOfLogGamma is for tests.
var SlopeOfLogGamma = slopeOfLogGamma
