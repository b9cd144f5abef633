
export const handler = {
  handle: (message, delivery) => functions.message(message, environment(), delivery),
};
