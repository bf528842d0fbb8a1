#include "coordinator/io/driver.hpp"
