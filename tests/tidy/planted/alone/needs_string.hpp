#pragma once
// Planted: uses std::string without including it. The header guard must name it.
inline std::string planted() { return {}; }
