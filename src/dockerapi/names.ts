/** A name for a container that came without one: an adjective and a creature of the sea. `pick(n)` is 0 to n - 1. */
export function randomName(pick: (count: number) => number): string {
  return `${adjectives[pick(adjectives.length)]}_${creatures[pick(creatures.length)]}`;
}

/** Docker's own rule for names. */
export const isName = (text: string): boolean => /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(text);

const adjectives =
  'agile ample azure balmy bold brave breezy bright brisk calm candid cheery clear clever coral cosy crisp curious deep eager early fabled fleet foamy fond frosty gentle glad golden hardy hazy hidden humble jolly keen kindly lively loyal lucid lunar mellow merry misty mighty nimble noble patient pearly placid plucky polar proud quick quiet rapid ready rosy rugged salty serene sharp shiny silent silver sleek smooth snug solar spry stately steady stormy sturdy subtle sunny supple swift tidal tidy tranquil trusty upbeat vivid warm watchful wise witty zesty'.split(
    ' ',
  );
const creatures =
  'albatross anchovy barnacle beluga bonito bream catfish char clam cod conch crab cuttlefish dolphin dory dugong eel fulmar gannet grouper guppy gurnard haddock hake halibut herring jellyfish kelp krill lamprey limpet ling lobster mackerel manatee manta marlin minnow mullet mussel narwhal nautilus octopus orca osprey otter oyster pelican penguin perch petrel pike pilchard plaice plankton porpoise prawn puffin ray salmon sardine scallop seahorse seal shark shrimp skate smelt sole sponge sprat squid starfish sturgeon swordfish tern trout tuna turbot turtle urchin walrus whelk whiting wrasse'.split(
    ' ',
  );
