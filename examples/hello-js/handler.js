// Greets whoever the path names. What is logged is shown by `tidegate logs`.

export default {
  fetch(request, env) {
    const who = decodeURIComponent(request.headers.get("tidegate-param-who") ?? "world");
    console.log(`greeting ${who}`);
    return new Response(`${env.greeting} ${who}\n`);
  },
};
