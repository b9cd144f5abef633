"""Made by `tidegate`: binds the handler to what starts a function. Written anew by every build."""

import HANDLER as module
from wit_world import exports
